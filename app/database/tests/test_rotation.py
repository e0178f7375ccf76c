"""All four steps of a rotation, on a real MariaDB and an emulated Secrets Manager, stopped anywhere and repeated."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from database import rotation, server, strategies
from database.accounts import AccountError, parse_account
from database.secrets import Credentials, SecretError, credentials_of
from database.server import ConfigurationError, Server
from database.strategies import RotationError
from tests.servers import MariaDb

STEPS = list(rotation.STEPS)


class KilledError(BaseException):
    """The function was stopped here."""


def do(secret: str, token: str, *steps: str) -> None:
    """Call the function as Secrets Manager does, once for each step."""
    for step in steps or STEPS:
        rotation.handler({"SecretId": secret, "ClientRequestToken": token, "Step": step})


def new_token() -> str:
    return str(uuid.uuid4())


def value(secrets: Any, secret: str, stage: str = "AWSCURRENT") -> dict[str, str]:
    fields: dict[str, str] = json.loads(secrets.get_secret_value(SecretId=secret, VersionStage=stage)["SecretString"])
    return fields


def opens(mariadb: MariaDb, fields: dict[str, str]) -> bool:
    """Whether these credentials open the server."""
    return Server("127.0.0.1", mariadb.port).admits(credentials_of(fields))


def privileges(mariadb: MariaDb, username: str) -> set[str]:
    """What a user may do, without name and password."""
    rows = mariadb.sql(f"SHOW GRANTS FOR {username}@'%'").splitlines()
    return {grant.to("") for grant in strategies.parse_grants([(row,) for row in rows], username)}


@pytest.fixture(params=["single_user", "alternating_users"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both strategies for databases."""
    monkeypatch.setenv("ROTATION_STRATEGY", request.param)
    return str(request.param)


@pytest.fixture
def alternating(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTATION_STRATEGY", "alternating_users")


def test_rotated_credentials_open_the_server(either: str, secrets: Any, secret: str, mariadb: MariaDb) -> None:
    before = value(secrets, secret)
    do(secret, new_token())
    after = value(secrets, secret)
    assert after["password"] != before["password"]
    assert after["comment"] == "kept"
    assert opens(mariadb, after)
    assert value(secrets, secret, "AWSPREVIOUS") == before
    assert opens(mariadb, before) == (either == "alternating_users")


def test_many_rotations_follow_each_other(either: str, secrets: Any, secret: str, mariadb: MariaDb) -> None:
    seen = [value(secrets, secret)]
    for _ in range(4):
        do(secret, new_token())
        seen.append(value(secrets, secret))
    assert len({fields["password"] for fields in seen}) == 5
    assert [opens(mariadb, fields) for fields in seen[:-2]] == [False] * 3
    assert opens(mariadb, seen[-1])
    users = 2 if either == "alternating_users" else 1
    assert len({fields["username"] for fields in seen}) == users


@pytest.mark.parametrize("stopped_after", range(4))
def test_rotation_goes_on_after_a_stop_between_two_steps(
    either: str, secrets: Any, secret: str, mariadb: MariaDb, stopped_after: int
) -> None:
    token = new_token()
    do(secret, token, *STEPS[: stopped_after + 1])
    # Secrets Manager begins again with the same version.
    do(secret, token)
    after = value(secrets, secret)
    assert after["password"] != "first-password"
    assert opens(mariadb, after)


@pytest.mark.parametrize("step", STEPS)
def test_each_step_may_be_repeated(either: str, secrets: Any, secret: str, mariadb: MariaDb, step: str) -> None:
    token = new_token()
    for each in STEPS:
        do(secret, token, each)
        if each == step:
            do(secret, token, each)
    assert opens(mariadb, value(secrets, secret))


@pytest.mark.usefixtures("alternating")
def test_rotation_goes_on_after_a_stop_between_two_statements(
    monkeypatch: pytest.MonkeyPatch, secrets: Any, secret: str, mariadb: MariaDb, user: str
) -> None:
    statements = 0
    token = new_token()
    do(secret, token, "createSecret")
    stops = 0
    while True:
        left = statements

        def run_or_stop(connection: Any, statement: str, *arguments: str) -> Any:
            nonlocal left
            if left == 0:
                raise KilledError
            left -= 1
            return server.run(connection, statement, *arguments)

        mariadb.sql(f"DROP USER IF EXISTS {user}_clone@'%'")
        monkeypatch.setattr(strategies, "run", run_or_stop)
        try:
            do(secret, token, "setSecret")
            break
        except KilledError:
            stops += 1
        monkeypatch.setattr(strategies, "run", server.run)
        do(secret, token, "setSecret", "testSecret")
        assert privileges(mariadb, f"{user}_clone") == privileges(mariadb, user)
        statements += 1
    # Making the user, reading the grants, giving them, setting the password.
    assert stops >= 5
    monkeypatch.setattr(strategies, "run", server.run)
    do(secret, token)
    assert opens(mariadb, value(secrets, secret))


@pytest.mark.usefixtures("alternating")
def test_other_user_may_do_the_same(secrets: Any, secret: str, mariadb: MariaDb, user: str) -> None:
    for _ in range(3):
        do(secret, new_token())
        assert privileges(mariadb, f"{user}_clone") == privileges(mariadb, user)


@pytest.mark.usefixtures("alternating")
def test_nobody_is_refused_while_users_alternate(secrets: Any, secret: str, mariadb: MariaDb) -> None:
    refused: list[str] = []
    logins = 0
    stop = threading.Event()

    def log_in_all_the_time() -> None:
        # As a service does that was started with what was current then.
        nonlocal logins
        fields = value(secrets, secret)
        while not stop.is_set():
            try:
                Server("127.0.0.1", mariadb.port).connect(credentials_of(fields)).close()
                logins += 1
            except pymysql.MySQLError as error:
                refused.append(str(error))

    client = threading.Thread(target=log_in_all_the_time)
    client.start()
    try:
        while not logins:
            pass
        do(secret, new_token())
    finally:
        stop.set()
        client.join()
    assert refused == []
    assert logins > 1


@pytest.mark.usefixtures("alternating")
def test_superuser_of_a_secret_of_its_own_changes_users_who_may_not(
    monkeypatch: pytest.MonkeyPatch, secrets: Any, secret: str, mariadb: MariaDb, user: str
) -> None:
    mariadb.sql(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user}@'%'; GRANT SELECT ON {user}.* TO {user}@'%'")
    with pytest.raises(pymysql.MySQLError, match="denied"):
        do(secret, new_token())
    mariadb.sql(
        f"CREATE USER super_{user}@'%' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO super_{user}@'%' WITH GRANT OPTION"
    )
    monkeypatch.setenv("ROTATION_SUPERUSER_SECRET", f"super-{user}")
    secrets.create_secret(
        Name=f"super-{user}", SecretString=json.dumps({"username": f"super_{user}", "password": "pw"})
    )
    do(secret, new_token())
    after = value(secrets, secret)
    assert opens(mariadb, after)
    assert after["username"] == f"{user}_clone"
    assert privileges(mariadb, f"{user}_clone") == privileges(mariadb, user)
    mariadb.sql(f"DROP USER super_{user}@'%'")


def test_single_user_recovers_with_the_previous_password(
    monkeypatch: pytest.MonkeyPatch, secrets: Any, secret: str, mariadb: MariaDb, user: str
) -> None:
    monkeypatch.setenv("ROTATION_STRATEGY", "single_user")
    do(secret, new_token())
    # The server was restored to a time before the rotation.
    mariadb.sql(f"SET PASSWORD FOR {user}@'%' = PASSWORD('first-password')")
    do(secret, new_token())
    assert opens(mariadb, value(secrets, secret))


def test_single_user_without_any_valid_password_is_refused(
    monkeypatch: pytest.MonkeyPatch, secrets: Any, secret: str, mariadb: MariaDb, user: str
) -> None:
    monkeypatch.setenv("ROTATION_STRATEGY", "single_user")
    mariadb.sql(f"SET PASSWORD FOR {user}@'%' = PASSWORD('changed by hand')")
    with pytest.raises(RotationError, match="neither the current nor the previous"):
        do(secret, new_token())
    assert value(secrets, secret)["password"] == "first-password"


def test_key_is_generated_and_the_previous_one_can_be_read(monkeypatch: pytest.MonkeyPatch, secrets: Any) -> None:
    monkeypatch.setenv("ROTATION_STRATEGY", "generated_key")
    name = f"key-{uuid.uuid4()}"
    secrets.create_secret(Name=name, SecretString=json.dumps({"api_key": "first", "owner": "shop"}))
    token = new_token()
    do(name, token, *STEPS[:2])
    do(name, token)
    after = value(secrets, name)
    assert after["owner"] == "shop"
    assert len(after["api_key"]) == rotation.PASSWORD_CHARACTERS
    assert value(secrets, name, "AWSPREVIOUS")["api_key"] == "first"


def test_pending_version_without_the_key_is_refused(monkeypatch: pytest.MonkeyPatch, secrets: Any) -> None:
    monkeypatch.setenv("ROTATION_STRATEGY", "generated_key")
    name, token = f"key-{uuid.uuid4()}", new_token()
    secrets.create_secret(Name=name, SecretString=json.dumps({"api_key": "first"}))
    value_without = json.dumps({"owner": "shop"})
    secrets.put_secret_value(
        SecretId=name, ClientRequestToken=token, SecretString=value_without, VersionStages=["AWSPENDING"]
    )
    with pytest.raises(RotationError, match="has no api_key"):
        do(name, token, "testSecret")


def test_trial_of_a_new_schedule_with_the_current_value_passes(either: str, secrets: Any, secret: str) -> None:
    # Secrets Manager does that where a rotation is set up that does not begin at once.
    token = new_token()
    current = json.dumps(value(secrets, secret))
    secrets.put_secret_value(
        SecretId=secret, ClientRequestToken=token, SecretString=current, VersionStages=["AWSPENDING"]
    )
    do(secret, token, "testSecret")


def test_restarted_services_get_the_new_credentials_also_when_stopped_before(
    monkeypatch: pytest.MonkeyPatch, secrets: Any, secret: str
) -> None:
    restarted: list[tuple[str, str]] = []

    class Ecs:
        def update_service(self, cluster: str, service: str, forceNewDeployment: bool) -> None:  # noqa: N803  # the API's spelling
            assert forceNewDeployment
            restarted.append((cluster, service))

    connect = rotation.connect
    monkeypatch.setattr(rotation, "connect", lambda name: Ecs() if name == "ecs" else connect(name))
    monkeypatch.setenv("ROTATION_STRATEGY", "alternating_users")
    monkeypatch.setenv("ROTATION_SERVICES", "shop/api,shop/worker")
    token = new_token()
    do(secret, token, *STEPS[:3])
    assert restarted == []
    do(secret, token, "finishSecret")
    assert restarted == [("shop", "api"), ("shop", "worker")]
    do(secret, token, "finishSecret")
    assert len(restarted) == 4


def test_no_value_is_logged(
    either: str, secrets: Any, secret: str, capfd: pytest.CaptureFixture[str], mariadb: MariaDb
) -> None:
    do(secret, new_token())
    printed = "".join(capfd.readouterr())
    assert "finishSecret" in printed
    assert value(secrets, secret)["password"] not in printed
    assert "first-password" not in printed


def test_version_that_is_not_pending_is_refused(either: str, secrets: Any, secret: str) -> None:
    first = new_token()
    do(secret, first)
    do(secret, new_token())
    with pytest.raises(RotationError, match="is not pending"):
        do(secret, first)


@pytest.mark.usefixtures("alternating")
def test_steps_out_of_order_are_refused(secrets: Any, secret: str) -> None:
    with pytest.raises(SecretError, match="createSecret comes first"):
        do(secret, new_token(), "setSecret")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ROTATION_STRATEGY": "twice"}, "ROTATION_STRATEGY is 'twice'; allowed:"),
        ({"ROTATION_STRATEGY": ""}, "ROTATION_STRATEGY is not set"),
        ({"ROTATION_STRATEGY": "single_user", "DB_HOST": ""}, "DB_HOST is not set"),
        ({"ROTATION_STRATEGY": "single_user", "DB_PORT": "mysql"}, "DB_PORT is 'mysql'"),
        ({"ROTATION_STRATEGY": "single_user", "DB_TLS": "maybe"}, "DB_TLS is 'maybe'"),
        ({"ROTATION_STRATEGY": "single_user", "DB_TLS": "true"}, "DB_TLS_CA is not set"),
    ],
)
def test_wrong_configuration_is_named(
    monkeypatch: pytest.MonkeyPatch, secret: str, variables: dict[str, str], message: str
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(ConfigurationError, match=message):
        do(secret, new_token())


@pytest.mark.parametrize("content", ["plain text", '["a"]', '{"username": "u"}', '{"password": "p"}'])
def test_secret_of_another_form_is_refused_without_showing_it(either: str, secrets: Any, content: str) -> None:
    name = f"odd-{uuid.uuid4()}"
    secrets.create_secret(Name=name, SecretString=content)
    with pytest.raises(SecretError) as refused:
        do(name, new_token())
    assert content not in str(refused.value)


@pytest.mark.usefixtures("alternating")
def test_user_name_that_leaves_no_room_is_refused(secrets: Any) -> None:
    name = f"long-{uuid.uuid4()}"
    secrets.create_secret(Name=name, SecretString=json.dumps({"username": "u" * 27, "password": "p"}))
    with pytest.raises(RotationError, match="leaves no room for _clone"):
        do(name, new_token())


def test_unknown_step_is_refused(either: str, secret: str) -> None:
    with pytest.raises(RotationError, match="Step is 'undoSecret'"):
        do(secret, new_token(), "undoSecret")


def test_function_says_which_release_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert rotation.handler({"slipway": "health"}) == {"commit": "unknown"}
    (tmp_path / "release.json").write_text('{"commit": "abc123"}')
    monkeypatch.setattr(rotation, "__file__", str(tmp_path / "database" / "rotation.py"))
    assert rotation.handler({"slipway": "health"}) == {"commit": "abc123"}


def test_server_that_is_away_is_no_wrong_password(mariadb: MariaDb) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="connect"):
        Server("127.0.0.1", 1).admits(Credentials("user", "password"))


def test_grants_are_read_as_either_server_writes_them() -> None:
    rows = [
        ("GRANT SELECT ON `shop`.* TO `u`@`%`",),
        ("GRANT RELOAD ON *.* TO 'u'@'%' IDENTIFIED BY PASSWORD '*ABC' REQUIRE SSL WITH GRANT OPTION",),
        ("GRANT `reader`@`%` TO `u`@`%` WITH ADMIN OPTION",),
        ("GRANT PROXY ON ''@'%' TO 'u'@'%'",),
        ("SET DEFAULT ROLE reader FOR u@%",),
    ]
    found = strategies.parse_grants(rows, "u")
    assert [grant.to("'v'@'%'") for grant in found] == [
        "GRANT SELECT ON `shop`.* TO 'v'@'%'",
        "GRANT RELOAD ON *.* TO 'v'@'%' WITH GRANT OPTION",
        "GRANT `reader`@`%` TO 'v'@'%' WITH ADMIN OPTION",
    ]
    assert [grant.is_role for grant in found] == [False, False, True]


OPTIONS = [
    "WITH MAX_USER_CONNECTIONS 7",
    "WITH MAX_QUERIES_PER_HOUR 1000 MAX_UPDATES_PER_HOUR 900 MAX_CONNECTIONS_PER_HOUR 800 MAX_STATEMENT_TIME 2.5",
    "PASSWORD EXPIRE NEVER",
    "PASSWORD EXPIRE INTERVAL 90 DAY",
    "IDENTIFIED VIA mysql_native_password USING PASSWORD('first-password') OR unix_socket WITH MAX_USER_CONNECTIONS 9",
]
# Without TLS nobody whom these are asked of can log in.
STRICT_OPTIONS = [
    "REQUIRE SSL",
    "REQUIRE X509 WITH MAX_USER_CONNECTIONS 7",
    "REQUIRE SUBJECT '/CN=it''s 50% WITH a \\\\' AND ISSUER '/CN=b' AND CIPHER 'AES256-SHA'",
    "ACCOUNT LOCK PASSWORD EXPIRE INTERVAL 5 DAY",
]


def described(mariadb: MariaDb, username: str, host: str = "%") -> str:
    """What the server says of an account, without its name and its passwords."""
    text = mariadb.sql(f"SHOW CREATE USER {username}@'{host}'").replace(f"`{username}`@", "")
    return re.sub(r"'\*[0-9A-F]{40}'", "", text)


@pytest.fixture
def superuser(
    monkeypatch: pytest.MonkeyPatch, secrets: Any, mariadb: MariaDb, user: str, alternating: None
) -> Iterator[None]:
    """Another user makes the users."""
    mariadb.sql(
        f"CREATE USER super_{user}@'%' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO super_{user}@'%' WITH GRANT OPTION"
    )
    monkeypatch.setenv("ROTATION_SUPERUSER_SECRET", f"super-{user}")
    secrets.create_secret(
        Name=f"super-{user}", SecretString=json.dumps({"username": f"super_{user}", "password": "pw"})
    )
    yield
    mariadb.sql(f"DROP USER super_{user}@'%'")


@pytest.mark.usefixtures("alternating")
@pytest.mark.parametrize("options", OPTIONS)
def test_other_user_is_limited_alike_and_no_more_when_limits_are_lifted(
    secrets: Any, secret: str, mariadb: MariaDb, user: str, options: str
) -> None:
    mariadb.sql(f"ALTER USER {user}@'%' {options}")
    before = described(mariadb, user)
    do(secret, new_token())
    assert described(mariadb, f"{user}_clone") == before
    mariadb.sql(f"ALTER USER {user}_clone@'%' IDENTIFIED BY '{value(secrets, secret)['password']}' WITH"
                " MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS 0"
                " MAX_STATEMENT_TIME 0 PASSWORD EXPIRE DEFAULT")  # fmt: skip
    do(secret, new_token())
    assert described(mariadb, user) == described(mariadb, f"{user}_clone") != before


@pytest.mark.parametrize("options", OPTIONS)
def test_single_user_keeps_its_limits(
    monkeypatch: pytest.MonkeyPatch, secret: str, mariadb: MariaDb, user: str, options: str
) -> None:
    monkeypatch.setenv("ROTATION_STRATEGY", "single_user")
    mariadb.sql(f"ALTER USER {user}@'%' {options}")
    before = described(mariadb, user)
    do(secret, new_token())
    assert described(mariadb, user) == before


@pytest.mark.usefixtures("superuser")
@pytest.mark.parametrize("options", STRICT_OPTIONS)
def test_what_is_required_of_a_user_is_required_of_the_other(
    secret: str, mariadb: MariaDb, user: str, options: str
) -> None:
    mariadb.sql(f"ALTER USER {user}@'%' {options}")
    do(secret, new_token(), *STEPS[:2])
    assert described(mariadb, f"{user}_clone") == described(mariadb, user)


def test_expired_password_is_followed_by_one_that_is_not() -> None:
    rows = [
        "CREATE USER `u`@`%` IDENTIFIED BY PASSWORD '*AB' REQUIRE SSL PASSWORD EXPIRE",
        "ALTER USER `u`@`%` PASSWORD EXPIRE NEVER",
    ]
    found = parse_account(rows, maria=True)
    assert found.options.endswith("ACCOUNT UNLOCK PASSWORD EXPIRE NEVER")
    assert "REQUIRE SSL " in found.options


@pytest.mark.usefixtures("alternating")
@pytest.mark.parametrize("default", ["reader_{}", "NONE"])
def test_other_user_has_the_same_roles_active(
    secrets: Any, secret: str, mariadb: MariaDb, user: str, default: str
) -> None:
    role = f"reader_{user}"
    mariadb.sql(
        f"CREATE ROLE {role}; CREATE DATABASE of_{role}; CREATE TABLE of_{role}.t (k INT);"
        f"GRANT SELECT ON of_{role}.* TO {role}; GRANT {role} TO {user}@'%' WITH ADMIN OPTION;"
        f"SET DEFAULT ROLE {default.format(user)} FOR {user}@'%'"
    )
    try:
        do(secret, new_token())
        for username in (user, f"{user}_clone"):
            rows = mariadb.sql(f"SHOW GRANTS FOR {username}@'%'")
            assert ("SET DEFAULT ROLE" in rows) == (default != "NONE")
        do(secret, new_token())
        assert opens(mariadb, value(secrets, secret))
    finally:
        mariadb.sql(f"DROP ROLE {role}; DROP DATABASE of_{role}")


@pytest.mark.usefixtures("superuser")
def test_other_user_has_rights_of_every_kind_and_no_more(
    secrets: Any, secret: str, mariadb: MariaDb, user: str
) -> None:
    mariadb.sql(
        f"CREATE TABLE {user}.`a b` (k INT, v INT); CREATE PROCEDURE {user}.p() SELECT 1;"
        f"GRANT SELECT (k), INSERT (v), UPDATE ON {user}.`a b` TO {user}@'%' WITH GRANT OPTION;"
        f"GRANT EXECUTE ON PROCEDURE {user}.p TO {user}@'%';"
        f"GRANT PROXY ON nobody@'%' TO super_{user}@'%' WITH GRANT OPTION;"
        f"GRANT PROXY ON nobody@'%' TO {user}@'%'"
    )

    def given(username: str) -> set[str]:
        rows = mariadb.sql(f"SHOW GRANTS FOR {username}@'%'").splitlines()
        return {right.to("") for right in strategies.rights([(row,) for row in rows], username)}

    before = given(user)
    assert any("PROXY" in grant for grant in before)
    do(secret, new_token())
    assert given(f"{user}_clone") == before
    mariadb.sql(
        f"REVOKE UPDATE ON {user}.`a b` FROM {user}_clone@'%'; REVOKE RELOAD ON *.* FROM {user}_clone@'%';"
        f"REVOKE PROXY ON nobody@'%' FROM {user}_clone@'%'"
    )
    do(secret, new_token())
    assert given(user) == given(f"{user}_clone") < before | given(user)


@pytest.mark.usefixtures("alternating")
def test_other_user_who_may_do_more_is_refused_where_that_cannot_be_seen_before(
    monkeypatch: pytest.MonkeyPatch, secrets: Any, secret: str, mariadb: MariaDb, user: str
) -> None:
    do(secret, new_token())
    mariadb.sql(f"GRANT DELETE ON *.* TO {user}@'%'")
    monkeypatch.setattr(strategies, "revoke_more", lambda *_arguments: None)
    with pytest.raises(RotationError, match="may do more than user"):
        do(secret, new_token())


@pytest.mark.usefixtures("superuser")
def test_other_user_may_come_from_the_same_hosts_only(secrets: Any, secret: str, mariadb: MariaDb, user: str) -> None:
    mariadb.sql(f"RENAME USER {user}@'%' TO {user}@'127.0.%'")
    for _ in range(2):
        do(secret, new_token())
        assert opens(mariadb, value(secrets, secret))
    assert mariadb.sql(f"SELECT host FROM mysql.user WHERE user LIKE '{user}%'").splitlines() == ["127.0.%"] * 2
    mariadb.sql(f"DROP USER {user}@'127.0.%', {user}_clone@'127.0.%'")


@pytest.mark.usefixtures("alternating")
def test_server_in_another_mode_shows_the_same_rights(secrets: Any, secret: str, mariadb: MariaDb, user: str) -> None:
    mode = mariadb.sql("SELECT @@global.sql_mode")
    mariadb.sql("SET GLOBAL sql_mode = 'ANSI_QUOTES'")
    try:
        do(secret, new_token())
    finally:
        mariadb.sql(f"SET GLOBAL sql_mode = '{mode}'")
    assert privileges(mariadb, f"{user}_clone") == privileges(mariadb, user)


def test_rights_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(RotationError, match="cannot be read"):
        strategies.rights([('GRANT SELECT ON "shop".* TO "u"@"%"',)], "u")


@pytest.mark.usefixtures("alternating")
def test_other_user_who_is_limited_otherwise_is_refused(secret: str, mariadb: MariaDb, user: str) -> None:
    token = new_token()
    do(secret, token, *STEPS[:2])
    mariadb.sql(f"ALTER USER {user}_clone@'%' WITH MAX_USER_CONNECTIONS 3")
    with pytest.raises(RotationError, match="is not limited as"):
        do(secret, token, "testSecret")


MYSQL = (
    "CREATE USER `u`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x2441243030 DEFAULT ROLE `a`@`%`,`b c`@`%`"
    " REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 3 MAX_USER_CONNECTIONS 4 PASSWORD EXPIRE INTERVAL 90 DAY ACCOUNT LOCK"
    " PASSWORD HISTORY 5 PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT{}"
)


@pytest.mark.parametrize(
    ("shown", "made"),
    [
        ("", " FAILED_LOGIN_ATTEMPTS 0 PASSWORD_LOCK_TIME 0"),
        (" FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 2", " FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 2"),
        (
            """ ATTRIBUTE '{"a": "50%"}'""",
            """ FAILED_LOGIN_ATTEMPTS 0 PASSWORD_LOCK_TIME 0 ATTRIBUTE '{"a": "50%"}'""",
        ),
    ],
)
def test_account_of_mysql_is_described_by_all_that_it_shows(shown: str, made: str) -> None:
    account = parse_account([MYSQL.format(shown)], maria=False)
    statement, arguments = account.identified("ALTER USER 'v'@'%'", "new", account.options)
    assert arguments == ["new"]
    assert statement % "'new'" == (
        "ALTER USER 'v'@'%' IDENTIFIED WITH 'caching_sha2_password' BY 'new' REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 3"
        " MAX_UPDATES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS 4 PASSWORD EXPIRE INTERVAL 90 DAY"
        f" ACCOUNT LOCK PASSWORD HISTORY 5 PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT{made}"
    )


@pytest.mark.parametrize(
    "shown",
    [
        "CREATE USER `u`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 'x' AND IDENTIFIED WITH 'authentication_fido'",
        "CREATE USER `u`@`%`",
        "DROP USER `u`@`%`",
    ],
)
def test_account_of_mysql_that_cannot_be_made_again_is_refused(shown: str) -> None:
    with pytest.raises(AccountError):
        parse_account([shown], maria=False)


def test_account_without_a_password_is_refused() -> None:
    account = parse_account(["CREATE USER `u`@`%` IDENTIFIED WITH 'AWSAuthenticationPlugin' AS 'RDS'"], maria=False)
    with pytest.raises(AccountError, match="opened by AWSAuthenticationPlugin, and by no password"):
        account.identified("CREATE USER 'v'@'%'", "password")


def test_what_mysql_takes_out_of_a_privilege_is_taken_out_again() -> None:
    rows = [("GRANT SELECT ON *.* TO `u`@`%`",), ("REVOKE SELECT ON `mysql`.* FROM `u`@`%`",)]
    assert [right.to("'v'@'%'") for right in strategies.rights(rows, "u")] == [
        "GRANT SELECT ON *.* TO 'v'@'%'",
        "REVOKE SELECT ON `mysql`.* FROM 'v'@'%'",
    ]
