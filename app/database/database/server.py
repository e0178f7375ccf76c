"""Connections to a MySQL or MariaDB server, and what differs between the two."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.err import OperationalError

from database.secrets import Credentials

# Access denied; MariaDB has a second code for accounts that no password opens.
DENIED = {1045, 1698}
CONNECT_SECONDS = 10


class ConfigurationError(Exception):
    """The environment does not say what has to be known."""


@dataclass(frozen=True)
class Server:
    """Where a database server is. With ``authorities`` it has to prove who it is, and everything is encrypted."""

    host: str
    port: int = 3306
    authorities: str = ""

    def connect(self, credentials: Credentials, database: str = "", is_raw: bool = False) -> Connection[Any]:
        """A connection; every statement is a transaction of its own. With ``is_raw`` all values are bytes."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=credentials.username,
            password=credentials.password,
            database=database or None,
            charset="utf8mb4",
            autocommit=True,
            # pymysql takes an empty mapping for "convert nothing", and none for its own.
            conv={} if is_raw else None,
            use_unicode=not is_raw,
            connect_timeout=CONNECT_SECONDS,
            ssl=ssl.create_default_context(cafile=self.authorities) if self.authorities else None,
        )

    def admits(self, credentials: Credentials) -> bool:
        """Whether these credentials open the server. That it cannot be reached is an error, and no answer."""
        try:
            self.connect(credentials).close()
        except OperationalError as error:
            if error.args[0] in DENIED:
                return False
            raise
        return True


def required(environment: Mapping[str, str], name: str) -> str:
    """A variable that has to be set."""
    value = environment.get(name, "")
    if not value:
        raise ConfigurationError(f"{name} is not set")
    return value


def server_of(environment: Mapping[str, str]) -> Server:
    """The server that DB_HOST, DB_PORT, DB_TLS and DB_TLS_CA describe."""
    port = environment.get("DB_PORT", "3306")
    if not port.isdigit():
        raise ConfigurationError(f"DB_PORT is {port!r}; allowed: a number")
    tls = environment.get("DB_TLS", "true").lower()
    if tls not in ("true", "false"):
        raise ConfigurationError(f"DB_TLS is {tls!r}; allowed: true and false")
    authorities = required(environment, "DB_TLS_CA") if tls == "true" else ""
    return Server(required(environment, "DB_HOST"), int(port), authorities)


def run(connection: Connection[Any], statement: str, *arguments: str) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    with connection.cursor() as cursor:
        # Without arguments a % in the statement is a %.
        cursor.execute(statement, arguments or None)
        return list(cursor.fetchall())


def identifier(name: str) -> str:
    """A name as statements have it."""
    return "`" + name.replace("`", "``") + "`"


def is_mariadb(connection: Connection[Any]) -> bool:
    """Whether the server is MariaDB."""
    return "mariadb" in str(run(connection, "SELECT VERSION()")[0][0]).lower()
