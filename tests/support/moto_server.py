"""moto's server, with only those of AWS's managed policies that the roles attach.

With all 1,500 of them, which each test that empties the account has moto parse anew, they take most of moto's time.
"""

from __future__ import annotations

import json
import sys
from unittest.mock import patch

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.server import main

ATTACHED = (
    "AWSBackupServiceRolePolicyForBackup",
    "AWSBackupServiceRolePolicyForRestores",
    "AmazonAPIGatewayPushToCloudWatchLogs",
    "AmazonRDSEnhancedMonitoringRole",
    "ReadOnlyAccess",
)

if __name__ == "__main__":
    every = json.loads(aws_managed_policies_data)
    attached = json.dumps({name: every[name] for name in ATTACHED})
    with patch("moto.iam.models.aws_managed_policies_data", attached):
        main(sys.argv[1:])
