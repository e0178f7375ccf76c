"""Logical backups: what mysqldump writes, read line by line, so that every table is counted and summed on the way.

A table's sum does not depend on the order of its rows, and a restored table has the same one. It is made from the same
stream as the backup, so it speaks of the same moment, whatever is written to the database meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, cast

from database.secrets import Credentials
from database.server import Server

DUMP = (
    "mariadb-dump",
    "--single-transaction",
    "--skip-lock-tables",
    "--quick",
    "--no-autocommit",
    "--no-tablespaces",
    "--hex-blob",
    "--order-by-primary",
    "--routines",
    "--triggers",
    "--events",
    "--skip-dump-date",
    "--default-character-set=utf8mb4",
)
LOAD = ("mariadb", "--default-character-set=utf8mb4", "--batch")
ROW = b"("
COMPLETED = b"-- Dump completed"

CREATE = re.compile(rb"CREATE TABLE (`(?:[^`]|``)+`) \(")
INSERT = re.compile(rb"INSERT INTO (`(?:[^`]|``)+`) (?:\([^)]*\) )?VALUES$")
# Views, triggers and routines belong to who restores them: who made them may not be a user there, or no longer.
DEFINER = re.compile(rb"DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`")
COUNTER = re.compile(rb" AUTO_INCREMENT=\d+")
MODULUS = 1 << 256


class DumpError(Exception):
    """A dump did not end well."""


@dataclass
class Table:
    """How many rows a table has, and the sums of its rows and its definition."""

    rows: int = 0
    total: int = 0
    definition: Any = field(default_factory=hashlib.sha256)

    def add(self, row: bytes) -> None:
        """Take a row into account."""
        self.rows += 1
        self.total = (self.total + int.from_bytes(hashlib.sha256(row).digest())) % MODULUS

    def summary(self) -> dict[str, Any]:
        """What is compared."""
        return {"rows": self.rows, "checksum": f"{self.total:064x}", "definition": self.definition.hexdigest()}


class Fingerprint:
    """The tables of a dump whose lines are fed to it."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._defining: Table | None = None
        self._filling: Table | None = None
        self.is_complete = False

    def feed(self, line: bytes) -> None:
        """Take the next line into account. A row is always one line, because line ends in values are escaped."""
        text = line.rstrip(b"\r\n")
        if self._filling:
            self._row(self._filling, text)
        elif self._defining:
            self._definition(self._defining, text)
        elif start := CREATE.match(text):
            self._defining = self._tables.setdefault(name_of(start[1]), Table())
            self._definition(self._defining, text)
        elif start := INSERT.match(text):
            self._filling = self._tables.setdefault(name_of(start[1]), Table())
        elif text.startswith(COMPLETED):
            self.is_complete = True

    def _row(self, table: Table, text: bytes) -> None:
        table.add(text[:-1])
        if text.endswith(b";"):
            self._filling = None

    def _definition(self, table: Table, text: bytes) -> None:
        # Where counting goes on is not part of what a table is.
        table.definition.update(COUNTER.sub(b"", text) + b"\n")
        if text.endswith(b";"):
            self._defining = None

    def tables(self) -> dict[str, dict[str, Any]]:
        """The tables by name."""
        return {name: table.summary() for name, table in sorted(self._tables.items())}


def name_of(quoted: bytes) -> str:
    """A table's name without its quotes."""
    return quoted[1:-1].replace(b"``", b"`").decode()


@dataclass(frozen=True)
class Database:
    """A database on a server, as its client programs reach it."""

    server: Server
    credentials: Credentials
    name: str

    def dump(self, fingerprint: Fingerprint) -> Iterator[bytes]:
        """The lines of a dump of one moment. Ends with an error unless the dump is whole."""
        with self._program(DUMP, stdout=subprocess.PIPE) as process:
            for line in process.stdout or ():
                fingerprint.feed(line)
                yield line if line.startswith(ROW) else DEFINER.sub(b"DEFINER=CURRENT_USER", line)
        if not fingerprint.is_complete:
            raise DumpError("the dump ended before it was complete")

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


def quoted(value: str) -> str:
    """A value as option files have it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
