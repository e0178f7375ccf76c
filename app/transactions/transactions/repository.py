"""Every statement that is sent to the database."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from transactions.models import TOTALS_SHARDS, Transaction, TransactionTotal

DELETE_BATCH = 500


class Position(NamedTuple):
    """Where a page ends: the time and id of its last transaction."""

    created_at: datetime
    id: int


class Totals(NamedTuple):
    """Number and sum of the stored transactions."""

    number: int
    amount: Decimal


async def add(session: AsyncSession, amount: Decimal, description: str) -> Transaction:
    """Store a transaction."""
    transaction = Transaction(amount=amount, description=description, created_at=datetime.now(UTC))
    session.add(transaction)
    await session.flush()
    await _count(session, 1, amount)
    return transaction


async def find(session: AsyncSession, transaction_id: int) -> Transaction | None:
    """The transaction with this id."""
    return await session.get(Transaction, transaction_id)


async def list_page(session: AsyncSession, limit: int, after: Position | None) -> Sequence[Transaction]:
    """Up to `limit` transactions, newest first, from behind a position."""
    query = select(Transaction).order_by(Transaction.created_at.desc(), Transaction.id.desc()).limit(limit)
    if after is not None:
        # The first condition alone lets the server seek in the index.
        query = query.where(
            and_(
                Transaction.created_at <= after.created_at,
                or_(Transaction.created_at < after.created_at, Transaction.id < after.id),
            )
        )
    return (await session.scalars(query)).all()


async def remove(session: AsyncSession, transaction_id: int) -> bool:
    """Delete one transaction; False if there is none."""
    transaction = await session.get(Transaction, transaction_id, with_for_update=True)
    if transaction is None:
        return False
    await session.delete(transaction)
    await session.flush()
    await _count(session, -1, -transaction.amount)
    return True


async def newest_id(session: AsyncSession) -> int:
    """The highest id in use, 0 if there is none."""
    return await session.scalar(select(func.max(Transaction.id))) or 0


async def remove_batch(session: AsyncSession, up_to_id: int) -> list[int]:
    """Delete some of the transactions up to an id, oldest first, and tell which."""
    rows = (
        await session.execute(
            select(Transaction.id, Transaction.amount)
            .where(Transaction.id <= up_to_id)
            .order_by(Transaction.id)
            .limit(DELETE_BATCH)
            .with_for_update()
        )
    ).all()
    ids = [row.id for row in rows]
    if ids:
        await session.execute(delete(Transaction).where(Transaction.id.in_(ids)))
        await _count(session, -len(ids), -sum((row.amount for row in rows), Decimal(0)))
    return ids


async def read_totals(session: AsyncSession) -> Totals:
    """Number and sum, from the few rows that every write keeps up to date."""
    rows = (await session.scalars(select(TransactionTotal))).all()
    return Totals(sum(row.number for row in rows), sum((row.amount for row in rows), Decimal(0)))


async def _count(session: AsyncSession, number: int, amount: Decimal) -> None:
    await session.execute(
        update(TransactionTotal)
        .where(TransactionTotal.shard == random.randrange(TOTALS_SHARDS))  # noqa: S311  # spreads writers
        .values(number=TransactionTotal.number + number, amount=TransactionTotal.amount + amount)
    )
