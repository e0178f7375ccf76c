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
from pymysql.err import OperationalError

from database.accounts import Account, default_roles, read_account
from database.secrets import Credentials, Fields, SecretError, credentials_of
from database.server import Server, is_mariadb, run

CLONE = "_clone"
# MySQL's limit.
USERNAME_CHARACTERS = 32
OUTSIDE_OF_COLUMNS = re.compile(r", (?![^(]*\))")
# Access to a database, to a table, or for want of a privilege.
FORBIDDEN = {1044, 1142, 1227}

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
    """Two users with the same privileges and limits, of which each rotation changes the one that is not in use.

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
        with self._connect(self.superuser() if self.superuser else used) as connection:
            host = self._host(connection, used)
            self._liken(connection, new, account_of(connection, used.username, host), used.username, host)

    def test(self, pending: Fields, current: Fields) -> None:
        new, used = credentials_of(pending), credentials_of(current)
        if not self.server.admits(new):
            raise RotationError(f"the pending password of {new.username} is not valid")
        with self._connect(new) as connection:
            has, other = own_rights(connection, new.username)
        with self._connect(used) as connection:
            wanted, model = own_rights(connection, used.username)
        if not wanted <= has:
            raise RotationError(f"{new.username} may not do all that {used.username} may")
        if has - wanted:
            raise RotationError(f"{new.username} may do more than {used.username}: revoke it")
        if model.described != other.described:
            raise RotationError(f"{new.username} is not limited as {used.username} is")

    def _connect(self, credentials: Credentials) -> Connection[Any]:
        """A connection that shows names in the quotes that are expected here, whatever the server's mode is."""
        connection = self.server.connect(credentials)
        run(connection, "SET SESSION sql_mode = ''")
        return connection

    def _host(self, connection: Connection[Any], used: Credentials) -> str:
        """From where the user in use may come: the other one may come from there, and from nowhere else."""
        if self.superuser:
            query = "SELECT host FROM mysql.user WHERE user = %s"
            hosts = [str(host) for (host,) in run(connection, query, used.username)]
            if len(hosts) == 1:
                return hosts[0]
        with self._connect(used) as own:
            return str(run(own, "SELECT CURRENT_USER()")[0][0]).rpartition("@")[2]

    def _liken(self, connection: Connection[Any], new: Credentials, model: str, username: str, host: str) -> None:
        """Make the other user like the one in use."""
        account = account_of(connection, new.username, host)
        described = read_account(connection, model)
        copied = rights(run(connection, f"SHOW GRANTS FOR {model}"), username)
        statement, arguments = described.identified(f"CREATE USER IF NOT EXISTS {account}", throwaway())
        run(connection, statement, *arguments)
        revoke_more(connection, account, new.username, copied)
        for right in copied:
            run(connection, right.to(account))
        if any(right.is_role for right in copied):
            self._set_default_roles(connection, new.username, account, described, default_roles(connection, model))
        # The password comes last: that it opens the server says that all before it has been done.
        statement, arguments = described.identified(f"ALTER USER {account}", new.password, described.options)
        run(connection, statement, *arguments)

    def _set_default_roles(
        self, connection: Connection[Any], username: str, account: str, described: Account, roles: str
    ) -> None:
        if not described.is_mariadb:
            run(connection, f"SET DEFAULT ROLE {roles} TO {account}")
            return
        try:
            run(connection, f"SET DEFAULT ROLE {roles} FOR {account}")
        except OperationalError as error:
            if error.args[0] not in FORBIDDEN:
                raise
            # In MariaDB that takes more than to make users; but all may choose their own.
            password = throwaway()
            statement, arguments = described.identified(f"ALTER USER {account}", password)
            run(connection, statement, *arguments)
            with self._connect(Credentials(username, password)) as own:
                run(own, f"SET DEFAULT ROLE {roles}")


@dataclass(frozen=True)
class Grant:
    """What a user may do, and whether the user may hand it on."""

    what: str
    option: str

    @property
    def is_role(self) -> bool:
        """Whether it is a role and no privilege."""
        return " ON " not in self.what

    @property
    def is_proxy(self) -> bool:
        """Whether it is the right to act as another user."""
        return self.what.startswith("GRANT PROXY ")

    @property
    def is_nothing(self) -> bool:
        """Whether it only says that there is a user."""
        return self.what == "GRANT USAGE ON *.*" and not self.option

    def to(self, account: str) -> str:
        """The statement that gives it to an account. What MySQL takes out of a privilege is revoked."""
        return f"{self.what} {'FROM' if self.what.startswith('REVOKE ') else 'TO'} {account}{self.option}"

    def singles(self) -> set[str]:
        """The privileges one by one, whose order does not matter, and the right to hand them on."""
        kind, space, rest = self.what.partition(" ")
        names, on, where = rest.partition(" ON ")
        found = {kind + space + self._sorted(name) + on + where for name in OUTSIDE_OF_COLUMNS.split(names)}
        return found | ({self.option + on + where} if self.option else set())

    @staticmethod
    def _sorted(privilege: str) -> str:
        name, bracket, columns = privilege.rstrip(")").partition(" (")
        return name + bracket + ", ".join(sorted(columns.split(", ")))

    def back(self, account: str) -> str:
        """The statement that takes it from an account."""
        return f"{self.what.replace('GRANT', 'REVOKE', 1)} FROM {account}"


def other_user(username: str) -> str:
    """The one of the two users that is not in use."""
    if username.endswith(CLONE):
        return username.removesuffix(CLONE)
    if len(username) + len(CLONE) > USERNAME_CHARACTERS:
        raise RotationError(f"the user name {username} leaves no room for {CLONE}: MySQL allows {USERNAME_CHARACTERS}")
    return username + CLONE


def rights(rows: list[tuple[Any, ...]], username: str) -> list[Grant]:
    """All that a user may do, in the order in which it can be given.

    Raises:
        RotationError: The server shows it in words that are not known: nothing would be given.
    """
    found = parse_grants(rows, username) + parse_grants(rows, username, "GRANT PROXY")
    if not found:
        raise RotationError(f"what {username} may do cannot be read")
    return found + parse_restrictions(rows, username)


def own_rights(connection: Connection[Any], username: str) -> tuple[set[str], Account]:
    """What the user of this connection may do, and how it is limited."""
    shown = rights(run(connection, "SHOW GRANTS"), username)
    may = {single for right in shown if not right.is_nothing for single in right.singles()}
    # The roles that are active from the beginning count, too.
    return may | {default_roles(connection, "CURRENT_USER()")}, read_account(connection, "CURRENT_USER()")


def revoke_more(connection: Connection[Any], account: str, username: str, wanted: list[Grant]) -> None:
    """Take from an account what it has besides what is wanted."""
    try:
        rows = run(connection, f"SHOW GRANTS FOR {account}")
    except OperationalError as error:
        # Who makes users need not see them. The test at the end sees what is left.
        if error.args[0] not in FORBIDDEN:
            raise
        return
    more = [right for right in rights(rows, username) if right not in wanted and not right.is_nothing]
    for right in more:
        if right.is_role or right.is_proxy:
            run(connection, right.back(account))
    if any(not right.is_role and not right.is_proxy for right in more):
        run(connection, f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {account}")


def parse_grants(rows: list[tuple[Any, ...]], username: str, kind: str = "GRANT (?!PROXY)") -> list[Grant]:
    """The grants without what MariaDB shows beside them, which is the password's digest."""
    pattern = re.compile(rf"({kind}.+?) TO {quoted_name(username)}@([`']).*?\2(.*)", re.DOTALL)
    found = [pattern.fullmatch(str(row[0])) for row in rows]
    return [Grant(match[1], option_of(match[3])) for match in found if match]


def parse_restrictions(rows: list[tuple[Any, ...]], username: str) -> list[Grant]:
    """What MySQL takes out of privileges for some databases."""
    pattern = re.compile(rf"(REVOKE .+?) FROM {quoted_name(username)}@.*")
    found = [pattern.fullmatch(str(row[0])) for row in rows]
    return [Grant(match[1], "") for match in found if match]


def quoted_name(username: str) -> str:
    """A pattern of a user's name as servers show it."""
    ways = [quote + username.replace(quote, quote * 2) + quote for quote in "`'"]
    return f"(?:{'|'.join(map(re.escape, ways))})"


def option_of(rest: str) -> str:
    """Whether a grant may be handed on."""
    return next((f" {option}" for option in ("WITH GRANT OPTION", "WITH ADMIN OPTION") if option in rest), "")


def account_of(connection: Connection[Any], username: str, host: str) -> str:
    """The user's account as statements name it."""
    return f"{connection.escape(username)}@{connection.escape(host)}"


def throwaway() -> str:
    """A password that nobody knows, of every kind of character that a server may ask for."""
    return secrets.token_hex(24) + "aA1!"


def change_own_password(connection: Connection[Any], password: str) -> None:
    """Change the password of the user of this connection, who need not have any privilege for it."""
    statement = "SET PASSWORD = PASSWORD(%s)" if is_mariadb(connection) else "ALTER USER USER() IDENTIFIED BY %s"
    run(connection, statement, password)
