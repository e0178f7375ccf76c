"""What a database consists of besides rows: its definitions, as the server shows them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymysql.connections import Connection

from database.rows import Column
from database.server import identifier, is_mariadb, run

NAME = rb"(?:`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\")"
# Views, triggers and routines belong to who restores them: who made them may not be a user there, or no longer. Text
# further on that looks alike is the program's own. A role has no host.
DEFINER = re.compile(rb"\A(CREATE\s+(?:ALGORITHM=\w+\s+)?)DEFINER=" + NAME + rb"(?:@" + NAME + rb")?")
# Where counting goes on is not part of what a table is. A comment of the table, which comes later, may say the same.
COUNTER = re.compile(r"^(\)(?: /\*!\d+ TABLESPACE `(?:[^`]|``)+` \*/)? ENGINE=\w+) AUTO_INCREMENT=(\d+)", re.MULTILINE)
GENERATED = re.compile(r"\b(?:VIRTUAL|STORED) GENERATED\b", re.IGNORECASE)
VERSIONED = "SYSTEM VERSIONED"
KEEPS_HISTORY = "system_versioning_insert_history"
PERIOD = ("ROW START", "ROW END")
ROUTINES = ("FUNCTION", "PROCEDURE", "PACKAGE", "PACKAGE BODY")

OF_TABLES = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = %s ORDER BY table_name"
OF_COLUMNS = (
    "SELECT column_name, data_type, extra, generation_expression FROM information_schema.columns"
    " WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position"
)
OF_PRIMARY_KEY = (
    "SELECT column_name FROM information_schema.statistics"
    " WHERE table_schema = %s AND table_name = %s AND index_name = 'PRIMARY' ORDER BY seq_in_index"
)
# Those of one table and one event have an order, which no definition shows.
OF_TRIGGERS = (
    "SELECT trigger_name, event_object_table, action_timing, event_manipulation, action_order"
    " FROM information_schema.triggers WHERE trigger_schema = %s"
    " ORDER BY event_object_table, action_timing, event_manipulation, action_order"
)
OF_ROUTINES = (
    "SELECT routine_name FROM information_schema.routines"
    " WHERE routine_schema = %s AND routine_type = %s ORDER BY routine_name"
)
OF_EVENTS = "SELECT event_name FROM information_schema.events WHERE event_schema = %s ORDER BY event_name"
OF_DATABASE = (
    "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = %s"
)


class StructureError(Exception):
    """A database has something that cannot be read, or not be kept."""


@dataclass(frozen=True)
class TableDefinition:
    """A table, as it can be made and read."""

    name: str
    create: str
    columns: Sequence[Column]
    primary_key: Sequence[str]
    has_history: bool = False

    @property
    def counter(self) -> int:
        """The number with which it goes on counting; 0 if it does not count, or has not begun."""
        found = COUNTER.search(self.create)
        return int(found[2]) if found else 0

    @property
    def digest(self) -> str:
        """What is compared."""
        create = COUNTER.sub(r"\1", self.create, count=1)
        return hashlib.sha256(f"{create};\n".encode()).hexdigest()

    @property
    def query(self) -> str:
        """What reads its rows."""
        selected = ", ".join(column.selected for column in self.columns)
        history = " FOR SYSTEM_TIME ALL" if self.has_history else ""
        order = ", ".join(identifier(name) for name in self.primary_key)
        return f"SELECT {selected} FROM {identifier(self.name)}{history}" + (f" ORDER BY {order}" if order else "")


@dataclass(frozen=True)
class Program:
    """A view, trigger, routine or event: a text, and under which settings of a session it means what it does."""

    kind: str
    name: str
    create: bytes
    settings: Mapping[str, str]
    database_collation: str = ""
    position: str = ""
    columns: Sequence[str] = ()

    @property
    def digest(self) -> str:
        """What is compared."""
        described = json.dumps([dict(self.settings), self.database_collation, self.position], sort_keys=True)
        return hashlib.sha256(described.encode() + b"\n" + self.create).hexdigest()


@dataclass(frozen=True)
class SequenceDefinition:
    """A sequence of MariaDB, and where it is."""

    name: str
    create: str
    next_value: int
    round: int

    @property
    def digest(self) -> str:
        """What is compared."""
        return hashlib.sha256(f"{self.create};{self.next_value};{self.round}".encode()).hexdigest()


class Catalog:
    """The definitions of a database.

    ``connection`` is one of those that decode texts, and ``raw`` one that does not; both have the database selected.
    """

    def __init__(self, connection: Connection[Any], raw: Connection[Any], database: str) -> None:
        self._connection = connection
        self._raw = raw
        self._database = database
        self._types = {str(name): str(kind) for name, kind in self._ask(OF_TABLES)}

    def options(self) -> dict[str, str]:
        """What objects that are made later take over from the database."""
        (character_set, collation), *_ = self._ask(OF_DATABASE)
        options = {"character_set": str(character_set), "collation": str(collation)}
        shown = str(run(self._connection, f"SHOW CREATE DATABASE {identifier(self._database)}")[0][1])
        if "DEFAULT ENCRYPTION='Y'" in shown:
            options["encryption"] = "Y"
        if is_mariadb(self._connection):
            asked = "SELECT schema_comment FROM information_schema.schemata WHERE schema_name = %s"
            options["comment"] = str(self._ask(asked)[0][0] or "") if self._has_comments() else ""
        return options

    def tables(self) -> Iterator[TableDefinition]:
        """The tables.

        Raises:
            StructureError: A table has a history that the server would not take back.
        """
        for name in self._of_types("BASE TABLE", VERSIONED):
            is_versioned = self._types[name] == VERSIONED
            if is_versioned and not run(self._connection, f"SHOW VARIABLES LIKE '{KEEPS_HISTORY}'"):
                raise StructureError(
                    f"{name} is a system-versioned table, and only servers with {KEEPS_HISTORY} (MariaDB 10.11) can"
                    " take its history back"
                )
            key = [str(row[0]) for row in self._ask(OF_PRIMARY_KEY, name)]
            create = str(run(self._connection, f"SHOW CREATE TABLE {identifier(name)}")[0][1])
            yield TableDefinition(name, create, self._columns(name, is_versioned), key, is_versioned)

    def sequences(self) -> Iterator[SequenceDefinition]:
        """The sequences."""
        for name in self._of_types("SEQUENCE"):
            create = str(run(self._connection, f"SHOW CREATE SEQUENCE {identifier(name)}")[0][1])
            state = run(self._connection, f"SELECT next_not_cached_value, cycle_count FROM {identifier(name)}")[0]
            yield SequenceDefinition(name, create, int(state[0]), int(state[1]))

    def views(self) -> Iterator[Program]:
        """The views.

        Raises:
            StructureError: A view refers to what there is not.
        """
        for name in self._of_types("VIEW"):
            columns = [str(row[0]) for row in self._ask(OF_COLUMNS, name)]
            if not columns:
                raise StructureError(f"the view {name} is invalid, and could not be restored")
            asked = (
                "SELECT character_set_client FROM information_schema.views WHERE table_schema = %s AND table_name = %s"
            )
            row = self._show(f"SHOW CREATE VIEW {identifier(name)}", str(self._ask(asked, name)[0][0]))
            yield self._program("view", name, row[1], charset(row[2:]), columns=columns)

    def triggers(self) -> Iterator[Program]:
        """The triggers, those of the same event in their order."""
        positions: dict[tuple[Any, ...], int] = {}
        for name, *event, _order in self._ask(OF_TRIGGERS):
            position = positions[tuple(event)] = positions.get(tuple(event), 0) + 1
            row = self._show(f"SHOW CREATE TRIGGER {identifier(str(name))}")
            settings = {"sql_mode": row[1], **charset(row[3:])}
            details = {"database_collation": row[5].decode(), "position": str(position)}
            yield self._program("trigger", str(name), row[2], settings, **details)

    def routines(self) -> Iterator[Program]:
        """The functions and procedures, and the packages of MariaDB."""
        for kind in ROUTINES:
            for (name,) in self._ask(OF_ROUTINES, kind):
                row = self._show(f"SHOW CREATE {kind} {identifier(str(name))}")
                settings = {"sql_mode": row[1], **charset(row[3:])}
                yield self._program(kind.lower(), str(name), row[2], settings, database_collation=row[5].decode())

    def events(self) -> Iterator[Program]:
        """The events."""
        for (name,) in self._ask(OF_EVENTS):
            row = self._show(f"SHOW CREATE EVENT {identifier(str(name))}")
            settings = {"sql_mode": row[1], "time_zone": row[2], **charset(row[4:])}
            yield self._program("event", str(name), row[3], settings, database_collation=row[6].decode())

    def _columns(self, table: str, is_versioned: bool) -> list[Column]:
        """A table's columns; the period of its rows, which is often hidden, is among them."""
        columns, period = [], dict(zip(PERIOD, ("row_start", "row_end"), strict=True))
        for name, data_type, extra, expression in self._ask(OF_COLUMNS, table):
            if str(expression) in PERIOD:
                period[str(expression)] = str(name)
            else:
                columns.append(Column(str(name), str(data_type).lower(), bool(GENERATED.search(str(extra)))))
        return columns + ([Column(name, "timestamp") for name in period.values()] if is_versioned else [])

    def _program(
        self, kind: str, name: str, create: bytes | None, settings: Mapping[str, bytes], **details: Any
    ) -> Program:
        if create is None:
            raise StructureError(f"the user may not see the {kind} {name}")
        owned = DEFINER.sub(rb"\1DEFINER=CURRENT_USER", create)
        return Program(kind, name, owned, {setting: value.decode() for setting, value in settings.items()}, **details)

    def _show(self, statement: str, results: str = "binary") -> tuple[Any, ...]:
        """A definition, in the character set of who made it rather than in the one of this session."""
        run(self._raw, f"SET character_set_results = {results}")
        try:
            return run(self._raw, statement)[0]
        finally:
            run(self._raw, "SET character_set_results = utf8mb4")

    def _of_types(self, *types: str) -> list[str]:
        return [name for name, kind in self._types.items() if kind in types]

    def _has_comments(self) -> bool:
        asked = (
            "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'information_schema'"
            " AND table_name = 'SCHEMATA' AND column_name = 'SCHEMA_COMMENT'"
        )
        return bool(run(self._connection, asked)[0][0])

    def _ask(self, query: str, *arguments: str) -> list[tuple[Any, ...]]:
        return run(self._connection, query, self._database, *arguments)


def charset(shown: Sequence[bytes]) -> dict[str, bytes]:
    """The settings in which a program's text is written, which end what a server shows of it."""
    return {"character_set_client": shown[0], "collation_connection": shown[1]}
