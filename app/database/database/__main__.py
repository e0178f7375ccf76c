"""``python -m database COMMAND``: ends with 0, or with 1 and the reason."""

from __future__ import annotations

import sys

from botocore.exceptions import BotoCoreError, ClientError
from pymysql.err import MySQLError

from database.backups import DamagedError
from database.commands import RefusedError, main
from database.dump import DumpError
from database.secrets import SecretError
from database.server import ConfigurationError

EXPECTED = (
    RefusedError, DamagedError, DumpError, SecretError, ConfigurationError, MySQLError, BotoCoreError, ClientError,
)  # fmt: skip

if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except EXPECTED as error:
        sys.exit(f"error: {error}")
