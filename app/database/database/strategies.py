"""How a secret changes: what its next value is, how that is made valid, and how it is tested.

Each strategy may be stopped anywhere and is then called again with the same value.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pymysql.connections import Connection

from database.secrets import Credentials, Fields, SecretError, credentials_of
from database.server import Server, is_mariadb, run

CLONE = "_clone"
# MySQL's limit.
USERNAME_CHARACTERS = 32

Generate = Callable[[], str]


class RotationError(Exception):
    """The secret cannot be rotated as it is."""


class Strategy(Protocol):
    """The part of a rotation that knows what the secret opens."""

    def renew(self, current: Fields, generate: Generate) -> Fields:
        """The next value, made from the current one."""

    def apply(self, pending: Fields, current: Fields, previous: Fields | None) -> None:
        """Make the next value valid."""

    def test(self, pending: Fields, current: Fields) -> None:
        """Raise RotationError unless the next value opens what the current one opens."""


@dataclass(frozen=True)
class GeneratedKey:
    """A key that others are told, such as an API key: nothing else has to know the new one."""

    field: str

    def renew(self, current: Fields, generate: Generate) -> Fields:
        if self.field not in current:
            raise SecretError(f"the secret has no field {self.field!r} to generate anew")
        return {**current, self.field: generate()}

    def apply(self, pending: Fields, current: Fields, previous: Fields | None) -> None:
        pass

    def test(self, pending: Fields, current: Fields) -> None:
        if not pending.get(self.field):
            raise RotationError(f"the pending version has no {self.field}")


@dataclass(frozen=True)
class SingleUser:
    """One user, whose password changes. Who still has the old one cannot log in any more."""

    server: Server

    def renew(self, current: Fields, generate: Generate) -> Fields:
        credentials_of(current)
        return {**current, "password": generate()}

    def apply(self, pending: Fields, current: Fields, previous: Fields | None) -> None:
        new = credentials_of(pending)
        if self.server.admits(new):
            return
        # Secrets Manager may have lost what a rotation before this one has set.
        for fields in (current, previous):
            if fields and fields["username"] == new.username and self.server.admits(credentials_of(fields)):
                with self.server.connect(credentials_of(fields)) as connection:
                    change_own_password(connection, new.password)
                return
        raise RotationError(f"neither the current nor the previous password of {new.username} is valid")

    def test(self, pending: Fields, current: Fields) -> None:
        if not self.server.admits(credentials_of(pending)):
            raise RotationError("the pending password is not valid")


@dataclass(frozen=True)
class AlternatingUsers:
    """Two users with the same privileges, of which each rotation changes the one that is not in use.

    Who has the current credentials keeps them until the rotation after the next one: no login fails. Without a
    superuser, who is told by a secret of its own, the user in use makes and changes the other one; it then has to have
    CREATE USER and may grant what it has, as the master user of an instance in RDS.
    """

    server: Server
    superuser: Callable[[], Credentials] | None = None

    def renew(self, current: Fields, generate: Generate) -> Fields:
        other = other_user(credentials_of(current).username)
        return {**current, "username": other, "password": generate()}

    def apply(self, pending: Fields, current: Fields, previous: Fields | None) -> None:
        new, used = credentials_of(pending), credentials_of(current)
        if new.username != other_user(used.username):
            raise RotationError(
                f"the pending version is of {new.username}, and the other one of {used.username} is next"
            )
        if self.server.admits(new):
            return
        with self.server.connect(self.superuser() if self.superuser else used) as connection:
            account = account_of(connection, new.username)
            # The password comes last: that it opens the server says that all before it has been done.
            run(connection, with_password(f"CREATE USER IF NOT EXISTS {account}"), throwaway())
            copied = grants(connection, used.username)
            for grant in copied:
                run(connection, grant.to(account))
            if any(grant.is_role for grant in copied) and not is_mariadb(connection):
                run(connection, f"SET DEFAULT ROLE ALL TO {account}")
            run(connection, with_password(f"ALTER USER {account}"), new.password)

    def test(self, pending: Fields, current: Fields) -> None:
        new, used = credentials_of(pending), credentials_of(current)
        if not self.server.admits(new):
            raise RotationError(f"the pending password of {new.username} is not valid")
        with self.server.connect(new) as connection:
            has = {grant.to("") for grant in own_grants(connection, new.username)}
        with self.server.connect(used) as connection:
            wanted = {grant.to("") for grant in own_grants(connection, used.username)}
        if not wanted <= has:
            raise RotationError(f"{new.username} may not do all that {used.username} may")


@dataclass(frozen=True)
class Grant:
    """What a user may do, and whether the user may hand it on."""

    what: str
    option: str

    @property
    def is_role(self) -> bool:
        """Whether it is a role and no privilege."""
        return " ON " not in self.what

    def to(self, account: str) -> str:
        """The statement that gives it to an account."""
        return f"{self.what} TO {account}{self.option}"


def other_user(username: str) -> str:
    """The one of the two users that is not in use."""
    if username.endswith(CLONE):
        return username.removesuffix(CLONE)
    if len(username) + len(CLONE) > USERNAME_CHARACTERS:
        raise RotationError(f"the user name {username} leaves no room for {CLONE}: MySQL allows {USERNAME_CHARACTERS}")
    return username + CLONE


def grants(connection: Connection[Any], username: str) -> list[Grant]:
    """What a user may do, as a superuser sees it."""
    return parse_grants(run(connection, f"SHOW GRANTS FOR {account_of(connection, username)}"), username)


def own_grants(connection: Connection[Any], username: str) -> list[Grant]:
    """What the user of this connection may do."""
    return parse_grants(run(connection, "SHOW GRANTS"), username)


def parse_grants(rows: list[tuple[Any, ...]], username: str) -> list[Grant]:
    """The grants without what MariaDB shows beside them, which is the password's digest."""
    pattern = re.compile(rf"(GRANT (?!PROXY).+?) TO ([`']){re.escape(username)}\2@([`']).*?\3(.*)")
    found = [pattern.fullmatch(str(row[0])) for row in rows]
    return [Grant(match[1], option_of(match[4])) for match in found if match]


def option_of(rest: str) -> str:
    """Whether a grant may be handed on."""
    return next((f" {option}" for option in ("WITH GRANT OPTION", "WITH ADMIN OPTION") if option in rest), "")


def account_of(connection: Connection[Any], username: str) -> str:
    """The user's account as statements name it: from any host, because the network decides who comes near."""
    return f"{connection.escape(username)}@'%'"


def with_password(statement: str) -> str:
    """A statement that ends in a password, safe to have its arguments filled in."""
    return statement.replace("%", "%%") + " IDENTIFIED BY %s"


def throwaway() -> str:
    """A password that nobody knows, of every kind of character that a server may ask for."""
    return secrets.token_hex(24) + "aA1!"


def change_own_password(connection: Connection[Any], password: str) -> None:
    """Change the password of the user of this connection, who need not have any privilege for it."""
    statement = "SET PASSWORD = PASSWORD(%s)" if is_mariadb(connection) else "ALTER USER USER() IDENTIFIED BY %s"
    run(connection, statement, password)
