"""Runs migrations against the database that the environment names."""

from __future__ import annotations

import asyncio

import structlog
from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from transactions.config import load_settings
from transactions.database import connect_arguments
from transactions.logs import configure_logging
from transactions.models import Base

LOCK_NAME = "transactions-migrations"
LOCK_SECONDS = 60


def _run(connection: Connection) -> None:
    mysql = connection.dialect.name == "mysql"
    # MySQL commits every DDL statement by itself, so two migrations at once must not mix.
    if mysql and not connection.scalar(text("SELECT GET_LOCK(:n, :s)"), {"n": LOCK_NAME, "s": LOCK_SECONDS}):
        raise RuntimeError(f"another migration has been running for more than {LOCK_SECONDS} s")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        transaction_per_migration=True,
    )
    if _is_newer_than_this_release():
        structlog.get_logger().warning("the schema is newer than this release; nothing to migrate")
    else:
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    if mysql:
        connection.execute(text("SELECT RELEASE_LOCK(:n)"), {"n": LOCK_NAME})


def _is_newer_than_this_release() -> bool:
    """Whether the database has a revision that this image does not know: after a rollback, which keeps the schema."""
    known = {script.revision for script in context.script.walk_revisions()}
    return not known.issuperset(context.get_context().get_current_heads())


async def _migrate() -> None:
    settings = load_settings()
    configure_logging(settings.log_level)
    engine = create_async_engine(settings.database_url, poolclass=NullPool, connect_args=connect_arguments(settings))
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


def _print_sql() -> None:
    context.configure(url=load_settings().database_url, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    _print_sql()
else:
    asyncio.run(_migrate())
