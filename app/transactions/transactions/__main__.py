"""Runs the service: `python -m transactions`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from transactions.config import ConfigurationError, load_settings
from transactions.server import serve


def _share_metrics_between_workers() -> None:
    """Name the folder in which workers keep their metrics; it has to be set before metrics are imported."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        return
    # Memory that is writable also where the root file system is not.
    shared = Path("/dev/shm")  # noqa: S108
    parent = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="transactions-metrics-", dir=parent)


def main() -> int:
    """Check the configuration, then serve until a signal comes."""
    try:
        settings = load_settings()
        settings.check_callers()
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return os.EX_CONFIG
    if settings.web_concurrency > 1:
        _share_metrics_between_workers()
    if settings.uses_sqlite:
        _create_tables()
    serve(settings)
    return 0


def _create_tables() -> None:
    """Bring the SQLite file up to date: a first try has no deployment that would."""
    from alembic import command  # noqa: PLC0415  # not needed by the service itself
    from alembic.config import Config  # noqa: PLC0415

    command.upgrade(Config(Path(__file__).parent.parent / "alembic.ini"), "head")


if __name__ == "__main__":
    sys.exit(main())
