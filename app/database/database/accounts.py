"""What an account is besides its name and password, read from one and given to another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pymysql.connections import Connection

from database.server import is_mariadb, run

TEXT = r"'(?:[^'\\]|\\.|'')*'"
HEAD = re.compile(r"CREATE USER (?:`(?:[^`]|``)*`|'(?:[^']|'')*')@(?:`[^`]*`|'[^']*') ?")
IDENTIFIED_BY = re.compile(rf"IDENTIFIED BY PASSWORD {TEXT} ?", re.DOTALL)
# The account of MariaDB may be opened by any of several plugins, the one of MySQL by one.
VIA = re.compile(rf"(?:IDENTIFIED VIA|OR) `?(\w+)`?(?: (?:USING|AS) ({TEXT}))? ?", re.DOTALL)
WITH_PLUGIN = re.compile(rf"IDENTIFIED WITH '(\w+)'(?: AS (?:{TEXT}|0x[0-9A-Fa-f]+))? ?", re.DOTALL)
ROLE = r"(?:`(?:[^`]|``)*`|'(?:[^']|'')*')(?:@(?:`[^`]*`|'[^']*'))?"
DEFAULT_ROLE = re.compile(rf"DEFAULT ROLE ({ROLE}(?:, ?{ROLE})*) ?")
DEFAULT_ROLE_OF_MARIADB = re.compile(r"SET DEFAULT ROLE (.+) FOR .+", re.DOTALL)
REQUIRE = re.compile(
    rf"REQUIRE (NONE|SSL|X509|(?:SUBJECT|ISSUER|CIPHER) {TEXT}(?: (?:AND )?(?:SUBJECT|ISSUER|CIPHER) {TEXT})*) ?",
    re.DOTALL,
)
WITH_LIMITS = re.compile(r"WITH ((?:MAX_[A-Z_]+ [\d.]+ ?)+)")
# That a password has expired does not hold for the next one; when passwords expire does.
EXPIRED = re.compile(r"PASSWORD EXPIRE(?! (?:DEFAULT|NEVER|INTERVAL)) ?")
EXPIRES = re.compile(r"PASSWORD EXPIRE (?:DEFAULT|NEVER|INTERVAL \d+ DAY)")
FAILED_LOGINS = "FAILED_LOGIN_ATTEMPTS"

LIMITS = ("MAX_QUERIES_PER_HOUR", "MAX_UPDATES_PER_HOUR", "MAX_CONNECTIONS_PER_HOUR", "MAX_USER_CONNECTIONS")
LIMIT_OF_MARIADB = "MAX_STATEMENT_TIME"
NATIVE = "mysql_native_password"
PLUGINS_WITH_PASSWORD = frozenset((NATIVE, "mysql_old_password", "ed25519", "parsec", "caching_sha2_password",
                                   "sha256_password"))  # fmt: skip


class AccountError(Exception):
    """An account cannot be read, or its like cannot be made."""


@dataclass(frozen=True)
class Plugin:
    """How an account proves who it is."""

    name: str
    using: str = ""

    @property
    def has_password(self) -> bool:
        """Whether a password opens it."""
        return self.name in PLUGINS_WITH_PASSWORD


@dataclass(frozen=True)
class Account:
    """What holds for an account. All is said, also what is not restricted: the other one may have been before."""

    is_mariadb: bool
    plugins: Sequence[Plugin]
    require: str = "NONE"
    limits: dict[str, str] = field(default_factory=dict)
    rest: str = ""

    def identified(self, statement: str, password: str, options: str = "") -> tuple[str, list[str]]:
        """A statement with the clause that sets the password and options behind it, and its arguments.

        Raises:
            AccountError: No password opens the account.
        """
        count = sum(plugin.has_password for plugin in self.plugins)
        if not count:
            names = ", ".join(plugin.name for plugin in self.plugins)
            raise AccountError(f"the account is opened by {names}, and by no password")
        clause = self._ways() if self.is_mariadb else f"IDENTIFIED WITH '{self.plugins[0].name}' BY %s"
        # What is no argument may have a % of its own, as hosts have.
        return f"{literally(statement)} {clause} {literally(options)}".rstrip(), [password] * count

    def _ways(self) -> str:
        ways = []
        for plugin in self.plugins:
            using = "PASSWORD(%s)" if plugin.has_password else literally(plugin.using)
            ways.append(f"{plugin.name} USING {using}" if using else plugin.name)
        return "IDENTIFIED VIA " + " OR ".join(ways)

    @property
    def options(self) -> str:
        """The clauses behind the one with the password."""
        names = [*LIMITS, *([LIMIT_OF_MARIADB] if self.is_mariadb else [])]
        limits = " ".join(f"{name} {self.limits.get(name, '0')}" for name in names)
        return f"REQUIRE {self.require} WITH {limits} {self.rest}"

    @property
    def described(self) -> tuple[list[str], str]:
        """All but the password, to be compared."""
        return [plugin.name for plugin in self.plugins], self.options


def read_account(connection: Connection[Any], account: str) -> Account:
    """What holds for an account, which may be ``CURRENT_USER()``.

    Raises:
        AccountError: The server describes it in words that are not known.
    """
    maria = is_mariadb(connection)
    if not maria:
        # A salt has all sorts of bytes.
        run(connection, "SET SESSION print_identified_with_as_hex = ON")
    rows = [str(row[0]) for row in run(connection, f"SHOW CREATE USER {account}")]
    return parse_account(rows, maria)


def parse_account(rows: Sequence[str], maria: bool) -> Account:
    """What SHOW CREATE USER says; MariaDB has a second row for when passwords expire, where this one has expired."""
    head = HEAD.match(rows[0])
    if not head:
        raise AccountError("the server does not describe the account as CREATE USER would make it")
    plugins, rest = parse_plugins(rows[0][head.end() :], maria)
    if not maria:
        rest = DEFAULT_ROLE.sub("", rest, count=1)
    required = REQUIRE.match(rest)
    rest = rest[required.end() :] if required else rest
    limited = WITH_LIMITS.match(rest)
    rest = rest[limited.end() :] if limited else rest
    limits = dict(re.findall(r"(MAX_\w+) ([\d.]+)", limited[1])) if limited else {}
    behind = rest_of_mariadb(" ".join([rest, *rows[1:]])) if maria else rest_of_mysql(rest)
    return Account(maria, plugins, required[1].strip() if required else "NONE", limits, behind)


def parse_plugins(text: str, maria: bool) -> tuple[list[Plugin], str]:
    """What opens an account, and the text behind that."""
    if not maria:
        found = WITH_PLUGIN.match(text)
        if not found or text.startswith("AND ", found.end()):
            raise AccountError("the account is opened by more than one factor, or by nothing")
        return [Plugin(found[1])], text[found.end() :]
    if native := IDENTIFIED_BY.match(text):
        return [Plugin(NATIVE)], text[native.end() :]
    plugins = []
    while way := VIA.match(text):
        plugins.append(Plugin(way[1], way[2] or ""))
        text = text[way.end() :]
    return plugins or [Plugin(NATIVE)], text


def rest_of_mariadb(text: str) -> str:
    """Whether an account is locked, and when its passwords expire."""
    expires = EXPIRES.search(text)
    lock = "ACCOUNT LOCK" if "ACCOUNT LOCK" in text else "ACCOUNT UNLOCK"
    return f"{lock} {expires[0] if expires else 'PASSWORD EXPIRE DEFAULT'}"


def rest_of_mysql(text: str) -> str:
    """The same, and what else MySQL asks of passwords; what it does not show is what is not so."""
    text = EXPIRED.sub("PASSWORD EXPIRE DEFAULT ", text, count=1).strip()
    if FAILED_LOGINS in text:
        return text
    # An attribute comes last.
    options, attribute, value = text.partition("ATTRIBUTE ")
    return f"{options.strip()} {FAILED_LOGINS} 0 PASSWORD_LOCK_TIME 0 {attribute}{value}".strip()


def default_roles(connection: Connection[Any], account: str) -> str:
    """The roles that are active from the beginning, as SET DEFAULT ROLE names them."""
    if is_mariadb(connection):
        shown = run(connection, f"SHOW GRANTS FOR {account}")
        found = [DEFAULT_ROLE_OF_MARIADB.fullmatch(str(row[0])) for row in shown]
        return next((match[1] for match in found if match), "NONE")
    shown = run(connection, f"SHOW CREATE USER {account}")
    clause = DEFAULT_ROLE.search(str(shown[0][0]))
    return clause[1] if clause else "NONE"


def literally(text: str) -> str:
    """A part of a statement that has arguments, but not here."""
    return text.replace("%", "%%")
