"""Rows as statements have them, without loss, and the sums by which they are compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from database.server import identifier

Row = Sequence[bytes | None]

NUMBERS = frozenset(
    ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "year")
)  # fmt: skip
BINARIES = frozenset(
    ("bit", "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector", "geometry", "point",
     "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection")
)  # fmt: skip
SPECIAL = re.compile(rb"[\\'\"\0\n\r\x1a]")
# The backslash comes first, because the others bring one.
ESCAPES = [(b"\\", b"\\\\"), (b"'", b"\\'"), (b'"', b'\\"'), (b"\0", b"\\0"), (b"\n", b"\\n"), (b"\r", b"\\r"),
           (b"\x1a", b"\\Z")]  # fmt: skip

# How long a statement gets before the next one begins; less than any server's max_allowed_packet.
STATEMENT_BYTES = 1 << 20
# A literal may be twice as long as its value, which then no longer fits into the server's max_allowed_packet.
PART_BYTES = 1 << 19
MODULUS = 1 << 256


@dataclass(frozen=True)
class Column:
    """A column, as information_schema describes it."""

    name: str
    data_type: str
    is_generated: bool = False

    @property
    def selected(self) -> str:
        """What is selected. A FLOAT is shown with six digits, which are not enough; a DOUBLE with as many as it has."""
        # Multiplied, because a negative zero would lose its sign in a sum.
        return f"{identifier(self.name)} * 1e0" if self.data_type == "float" else identifier(self.name)

    @property
    def literal(self) -> Callable[[bytes], bytes]:
        """What makes a literal of a value that is not null."""
        if self.data_type in NUMBERS:
            return bytes
        return binary if self.data_type in BINARIES else text


def binary(value: bytes) -> bytes:
    """Bytes as a literal."""
    return b"0x" + value.hex().upper().encode() if value else b"''"


def text(value: bytes) -> bytes:
    """A text as a literal, which is one line."""
    if SPECIAL.search(value):
        for character, escaped in ESCAPES:
            value = value.replace(character, escaped)
    return b"'" + value + b"'"


@dataclass
class Table:
    """What a table is, how many rows it has, and their sum, which does not depend on their order."""

    definition: str
    counter: int = 0
    rows: int = 0
    total: int = field(default=0, repr=False)
    widest: int = 0

    def add(self, row: bytes) -> None:
        """Take a row into account."""
        self.rows += 1
        self.total = (self.total + int.from_bytes(hashlib.sha256(row).digest())) % MODULUS

    def summary(self) -> dict[str, Any]:
        """What is compared, and the length of the widest value, which a server has to be able to take."""
        return {
            "rows": self.rows,
            "checksum": f"{self.total:064x}",
            "definition": self.definition,
            "counter": self.counter,
            "widest": self.widest,
        }


class Writer:
    """Makes INSERT statements of the rows of a table, and sums them."""

    def __init__(self, name: str, columns: Sequence[Column], table: Table) -> None:
        self._literals = [column.literal for column in columns]
        # What a server generates it does not take; it counts for the sum only.
        self._inserted = [number for number, column in enumerate(columns) if not column.is_generated]
        self._is_all = len(self._inserted) == len(columns)
        self._columns = columns
        self._table = table
        names = ", ".join(identifier(columns[number].name) for number in self._inserted)
        self._head = f"INSERT INTO {identifier(name)} ({names}) VALUES\n".encode()

    def statements(self, rows: Iterable[Row]) -> Iterator[bytes]:
        """The statements, of which each has as many rows as fit."""
        pending: list[bytes] = []
        length = 0
        for row in rows:
            literals = [
                b"NULL" if value is None else literal(value) for literal, value in zip(self._literals, row, strict=True)
            ]
            whole = b"(" + b",".join(literals) + b")"
            self._table.add(whole)
            if len(whole) > PART_BYTES:
                self._table.widest = max(self._table.widest, *(len(value or b"") for value in row))
                yield from self._wide(row, literals)
                continue
            inserted = whole if self._is_all else self._tuple(literals)
            pending.append(inserted)
            length += len(inserted)
            if length > STATEMENT_BYTES:
                yield self._statement(pending)
                pending, length = [], 0
        if pending:
            yield self._statement(pending)

    def _tuple(self, literals: Sequence[bytes]) -> bytes:
        return b"(" + b",".join(literals[number] for number in self._inserted) + b")"

    def _statement(self, rows: Sequence[bytes]) -> bytes:
        return self._head + b",\n".join(rows) + b";\n"

    def _wide(self, row: Row, literals: list[bytes]) -> Iterator[bytes]:
        """A row whose statement may be too long for the server: its long values are put together there, of parts."""
        literals = list(literals)
        used: list[bytes] = []
        for number in self._inserted:
            value = row[number]
            if value is None or len(literals[number]) <= PART_BYTES // 8:
                continue
            names: list[bytes] = []
            for part in parts(value, is_text=self._columns[number].data_type not in BINARIES):
                names.append(b"@part_%d" % (len(used) + len(names)))
                yield b"SET " + names[-1] + b" = " + self._literals[number](part) + b";\n"
            literals[number] = b"CONCAT(" + b",".join(names) + b")"
            used += names
        yield self._statement([self._tuple(literals)])
        if used:
            # Else the server keeps them until the end of the session.
            yield b"SET " + b", ".join(name + b" = NULL" for name in used) + b";\n"


def parts(value: bytes, is_text: bool) -> Iterator[bytes]:
    """A value in parts; no character is cut in two."""
    start = 0
    while start < len(value):
        end = min(start + PART_BYTES, len(value))
        while is_text and end < len(value) and value[end] & 0xC0 == 0x80:
            end -= 1
        yield value[start:end]
        start = end
