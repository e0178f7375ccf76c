"""moto's server, with only those of AWS's managed policies that the roles attach.

With all 1,500 of them, which each test that empties the account has moto parse anew, they take most of moto's time.
"""

from __future__ import annotations

import json
import sys

from moto.iam import models
from moto.server import main

ATTACHED = (
    "AWSBackupServiceRolePolicyForBackup",
    "AWSBackupServiceRolePolicyForRestores",
    "AmazonAPIGatewayPushToCloudWatchLogs",
    "AmazonRDSEnhancedMonitoringRole",
    "ReadOnlyAccess",
)

if __name__ == "__main__":
    every = json.loads(models.aws_managed_policies_data)
    models.aws_managed_policies_data = json.dumps({name: every[name] for name in ATTACHED})
    main(sys.argv[1:])
