"""Create the tables of transactions and of their totals

Revision ID: 0001
Revises:
Create Date: 2026-11-21 21:40:00+00:00
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TOTALS_SHARDS = 16
OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}


def _amount(digits: int) -> sa.types.TypeEngine[Any]:
    # SQLite has no decimals; the model stores hundredths there.
    return sa.Numeric(digits, 2).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Create both tables, the totals with all their rows."""
    op.create_table(
        "transactions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("amount", _amount(15), nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql"), nullable=False),
        sqlite_autoincrement=True,
        **OPTIONS,
    )
    op.create_index("ix_transactions_created_at", "transactions", ["created_at"])
    totals = op.create_table(
        "transaction_totals",
        sa.Column("shard", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("amount", _amount(30), nullable=False),
        **OPTIONS,
    )
    op.bulk_insert(totals, [{"shard": shard, "number": 0, "amount": 0} for shard in range(TOTALS_SHARDS)])


def downgrade() -> None:
    """Drop both tables with their content."""
    op.drop_table("transaction_totals")
    op.drop_table("transactions")
