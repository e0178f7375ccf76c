"""The container's health check: asks this container's liveness probe, and needs no other program for it."""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException


def main() -> int:
    """0 if the service answers."""
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8080), timeout=2)
    try:
        connection.request("GET", "/health/live")
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
