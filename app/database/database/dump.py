"""Logical backups: statements that make a database anew, every table counted and summed while they are written.

The definitions are the server's own; the rows are read in one transaction, and so speak of one moment, whatever is
written to the database meanwhile. A table's sum does not depend on the order of its rows, and a restored table has the
same one. mysqldump is not used because it shortens FLOATs, and its text cannot be told from the text of programs in it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

from pymysql.connections import Connection
from pymysql.cursors import SSCursor
from pymysql.err import MySQLError

from database.rows import Table, Writer
from database.secrets import Credentials
from database.server import Server, identifier, is_mariadb, run
from database.structure import KEEPS_HISTORY, Catalog, Program, SequenceDefinition, StructureError, TableDefinition

LOAD = (
    "mariadb",
    "--default-character-set=utf8mb4",
    "--batch",
    # Programs keep their comments and line ends, and nothing in them is an instruction to the client.
    "--comments",
    "--binary-mode",
    "--max-allowed-packet=1G",
)
SECONDS = 86400
READING = (
    "SET SESSION sql_mode = ''",
    "SET SESSION sql_quote_show_create = 1",
    "SET SESSION time_zone = '+00:00'",
    f"SET SESSION net_read_timeout = {SECONDS}, net_write_timeout = {SECONDS}",
)
WRITING = b"SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00';\nSET NAMES utf8mb4;\n"
BEGIN = b"SET unique_checks = 0, foreign_key_checks = 0, sql_notes = 0;\n" + WRITING


class DumpError(Exception):
    """A dump did not end well."""


class Fingerprint:
    """What a database has, by which two can be compared."""

    def __init__(self) -> None:
        self.options: dict[str, str] = {}
        self._tables: dict[str, Table] = {}
        self._objects: dict[str, str] = {}

    def begin(self, definition: TableDefinition) -> Table:
        """The sums of a table whose rows follow."""
        return self._tables.setdefault(definition.name, Table(definition.digest, definition.counter))

    def note(self, kind: str, name: str, digest: str) -> None:
        """Take something that is no table into account."""
        self._objects[f"{kind} {name}"] = digest

    def tables(self) -> dict[str, dict[str, Any]]:
        """The tables by name."""
        return {name: table.summary() for name, table in sorted(self._tables.items())}

    def objects(self) -> dict[str, str]:
        """The digests of everything else, by kind and name."""
        return dict(sorted(self._objects.items()))

    def summary(self) -> dict[str, Any]:
        """All of it, as manifests have it."""
        return {"tables": self.tables(), "objects": self.objects(), "options": self.options}


@dataclass(frozen=True)
class Database:
    """A database on a server, as its client programs reach it."""

    server: Server
    credentials: Credentials
    name: str

    def dump(self, fingerprint: Fingerprint) -> Iterator[bytes]:
        """The statements that make the database anew, of one moment.

        Raises:
            DumpError: It cannot be read as a whole.
        """
        try:
            with self._connect() as connection, self._connect(is_raw=True) as raw:
                # Before the definitions are read: a table that is changed afterwards refuses to be read.
                run(raw, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                run(raw, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
                yield from Dump(raw, Catalog(connection, raw, self.name), fingerprint).statements()
        except (MySQLError, StructureError) as error:
            raise DumpError(f"{self.name} cannot be dumped: {error}") from error

    @contextlib.contextmanager
    def _connect(self, is_raw: bool = False) -> Iterator[Connection[Any]]:
        """A connection for reading."""
        with self.server.connect(self.credentials, self.name, is_raw) as connection:
            for statement in READING:
                run(connection, statement)
            # Reading a large table takes longer than a server may allow other queries.
            limit = "max_statement_time" if is_mariadb(connection) else "max_execution_time"
            run(connection, f"SET SESSION {limit} = 0")
            yield connection

    def load(self, chunks: Iterable[bytes]) -> None:
        """Run a dump's statements."""
        with self._program(LOAD, stdin=subprocess.PIPE) as process:
            listener = cast("IO[bytes]", process.stdin)
            # Why it stops listening, it says itself.
            with contextlib.suppress(BrokenPipeError):
                for chunk in chunks:
                    listener.write(chunk)
            with contextlib.suppress(BrokenPipeError):
                listener.close()

    @contextlib.contextmanager
    def _program(
        self, command: tuple[str, ...], stdin: int | None = None, stdout: int | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a client program; that it fails is an error with what it said."""
        with self._options() as options, contextlib.closing(os.fdopen(os.memfd_create("errors"), "r+b")) as errors:
            process = subprocess.Popen(
                [command[0], f"--defaults-file=/proc/self/fd/{options.fileno()}", *command[1:], self.name],
                pass_fds=[options.fileno()],
                stderr=errors,
                stdin=stdin,
                stdout=stdout,
            )
            with process:
                try:
                    yield process
                except BaseException:
                    process.kill()
                    raise
            if process.returncode:
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()[-2000:]
                raise DumpError(f"{command[0]} ended with {process.returncode}: {said}")

    @contextlib.contextmanager
    def _options(self) -> Iterator[IO[bytes]]:
        """An option file in memory, so that the password is in no argument, variable or file."""
        lines = [
            "[client]",
            f"host={self.server.host}",
            f"port={self.server.port}",
            f"user={quoted(self.credentials.username)}",
            f"password={quoted(self.credentials.password)}",
            "protocol=tcp",
        ]
        if self.server.authorities:
            lines += [f"ssl-ca={quoted(self.server.authorities)}", "ssl-verify-server-cert"]
        with os.fdopen(os.memfd_create("options", 0), "w+b") as options:
            # The programs ignore a file that others may write.
            os.fchmod(options.fileno(), 0o600)
            options.write("\n".join(lines).encode() + b"\n")
            options.flush()
            yield options


class Dump:
    """The statements of a dump, each table noted in a fingerprint."""

    def __init__(self, raw: Connection[Any], catalog: Catalog, fingerprint: Fingerprint) -> None:
        self._raw = raw
        self._catalog = catalog
        self._fingerprint = fingerprint
        self._collation = ""

    def statements(self) -> Iterator[bytes]:
        """Everything in an order in which it can be made: what is named has to be there, and triggers must not fire."""
        self._fingerprint.options = self._catalog.options()
        self._collation = self._fingerprint.options["collation"]
        views = by_need(list(self._catalog.views()))
        yield BEGIN
        for sequence in self._catalog.sequences():
            self._fingerprint.note("sequence", sequence.name, sequence.digest)
            yield from sequence_statements(sequence)
        for table in self._catalog.tables():
            yield from self._table(table)
        for view in views:
            yield placeholder(view)
        for programs in (self._catalog.routines(), self._catalog.triggers(), views, self._catalog.events()):
            for program in programs:
                self._fingerprint.note(program.kind, program.name, program.digest)
                yield from self._program(program)

    def _table(self, table: TableDefinition) -> Iterator[bytes]:
        yield f"DROP TABLE IF EXISTS {identifier(table.name)};\n{table.create};\nSET autocommit = 0;\n".encode()
        if table.has_history:
            yield f"SET {KEEPS_HISTORY} = 1;\n".encode()
        run(self._raw, "SAVEPOINT before_table")
        yield from Writer(table.name, table.columns, self._fingerprint.begin(table)).statements(self._rows(table.query))
        # Else nobody could alter the table until the end of the dump.
        run(self._raw, "ROLLBACK TO SAVEPOINT before_table")
        if table.has_history:
            yield f"SET {KEEPS_HISTORY} = 0;\n".encode()
        yield b"COMMIT;\nSET autocommit = 1;\n"

    def _rows(self, query: str) -> Iterator[tuple[bytes | None, ...]]:
        with self._raw.cursor(SSCursor) as cursor:
            cursor.execute(query)
            yield from cursor

    def _program(self, program: Program) -> Iterator[bytes]:
        if program.kind == "view":
            yield f"DROP VIEW IF EXISTS {identifier(program.name)};\n".encode()
        # Variables and parameters of programs take the database's collation of the moment when they are made.
        is_foreign = program.database_collation not in ("", self._collation)
        if is_foreign:
            yield f"ALTER DATABASE COLLATE {program.database_collation};\n".encode()
        settings = ", ".join(f"{name} = '{value}'" for name, value in program.settings.items())
        delimiter = delimiter_for(program.create)
        yield f"SET {settings};\nDELIMITER {delimiter}\n".encode()
        yield program.create + f"\n{delimiter}\nDELIMITER ;\n".encode()
        if is_foreign:
            yield f"ALTER DATABASE COLLATE {self._collation};\n".encode()
        yield WRITING


def placeholder(view: Program) -> bytes:
    """A view with the same columns, for views and functions that need it before it can be made itself."""
    columns = ", ".join(f"NULL AS {identifier(column)}" for column in view.columns)
    name = identifier(view.name)
    return f"DROP VIEW IF EXISTS {name};\nCREATE VIEW {name} AS SELECT {columns};\n".encode()


def by_need(views: Sequence[Program]) -> list[Program]:
    """The views, each after those that it names: a placeholder cannot be updated, and neither could what needs it."""
    ordered: dict[str, Program] = {}
    begun: set[str] = set()

    def add(view: Program) -> None:
        # A column may be called like a view, so that two seem to need each other.
        if view.name in begun:
            return
        begun.add(view.name)
        for other in views:
            if identifier(other.name).encode() in view.create:
                add(other)
        ordered[view.name] = view

    for view in views:
        add(view)
    return list(ordered.values())


def sequence_statements(sequence: SequenceDefinition) -> Iterator[bytes]:
    """What makes a sequence that goes on where this one is."""
    name = identifier(sequence.name)
    yield f"DROP SEQUENCE IF EXISTS {name};\n{sequence.create};\n".encode()
    yield f"DO SETVAL({name}, {sequence.next_value}, 0, {sequence.round});\n".encode()


def delimiter_for(text: bytes) -> str:
    """What ends a statement, and does not occur in it."""
    number = 0
    while (delimiter := f"end_{number}$$").encode() in text:
        number += 1
    return delimiter


def quoted(value: str) -> str:
    """A value as option files have it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
