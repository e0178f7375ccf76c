"""Tables."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Numeric, SmallInteger, String
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

AMOUNT_DIGITS = 15
AMOUNT_PLACES = 2
DESCRIPTION_LENGTH = 255
# Writers spread over these rows, so that they do not queue for one.
TOTALS_SHARDS = 16


class UtcDateTime(TypeDecorator[datetime]):
    """UTC with microseconds, whatever the session's time zone is."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.replace(tzinfo=UTC)


class ExactAmount(TypeDecorator[Decimal]):
    """A decimal; SQLite, which has none, stores hundredths as an integer."""

    impl = Numeric
    cache_ok = True

    def __init__(self, digits: int) -> None:
        super().__init__(digits, AMOUNT_PLACES)
        self.digits = digits

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(Numeric(self.digits, AMOUNT_PLACES))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | int | None:
        if value is None or dialect.name != "sqlite":
            return value
        return int(value.scaleb(AMOUNT_PLACES))

    def process_result_value(self, value: Decimal | int | None, dialect: Dialect) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        return Decimal(value).scaleb(-AMOUNT_PLACES)


# SQLite numbers rows by itself only for a column of the type INTEGER.
Identifier = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """What Alembic compares the database with."""


class Transaction(Base):
    """One transaction; it is never changed after it was posted."""

    __tablename__ = "transactions"
    # Ids are never used again, so a cached one cannot come to mean another transaction.
    __table_args__ = {
        "mysql_engine": "InnoDB",
        "mysql_charset": "utf8mb4",
        "sqlite_autoincrement": True,
    }

    id: Mapped[int] = mapped_column(Identifier, primary_key=True, autoincrement=True)
    amount: Mapped[Decimal] = mapped_column(ExactAmount(AMOUNT_DIGITS))
    description: Mapped[str] = mapped_column(String(DESCRIPTION_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)


class TransactionTotal(Base):
    """Number and sum of the transactions, kept with each write, so that no one has to scan for them."""

    __tablename__ = "transaction_totals"
    __table_args__ = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}

    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[Decimal] = mapped_column(ExactAmount(30))
