"""Configuration from the environment."""

from __future__ import annotations

import pytest

from transactions.config import ConfigurationError, load_settings

KEY = "k" * 32


def set_all(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_ecs_environment_makes_a_production_service(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(
        monkeypatch,
        DB_HOST="db.internal",
        DB_PORT="3306",
        DB_NAME="transactions",
        DB_USER="transactions",
        DB_PASSWORD="p@ss/w:rd",
        REDIS_HOST="cache.internal",
        REDIS_PORT="6379",
        REDIS_TLS="True",
        REDIS_AUTH_TOKEN="t0ken",
        API_KEYS__OPERATOR=KEY,
    )
    settings = load_settings()
    settings.check_callers()
    assert settings.api_keys["operator"].get_secret_value() == KEY
    assert KEY not in repr(settings)
    assert settings.app_environment == "prod"
    assert settings.confirm_delete_all
    assert settings.redis_tls
    assert settings.database_url.password == "p@ss/w:rd"
    assert settings.database_url.drivername == "mysql+asyncmy"
    assert "p@ss" not in repr(settings)
    assert "t0ken" not in repr(settings)


@pytest.mark.parametrize(("environment", "ttl"), [("local", 30), ("dev", 60), ("staging", 300), ("prod", 600)])
def test_cache_ttl_follows_the_environment_unless_set(environment: str, ttl: int) -> None:
    common = {"app_environment": environment, "db_host": "x", "db_user": "x"}
    assert load_settings(**common).cache_ttl == ttl
    assert load_settings(**common, cache_ttl_seconds=7).cache_ttl == 7


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DB_HOST": ""}, "DB_HOST is missing"),
        ({"DB_HOST": "x", "DB_USER": ""}, "DB_USER is missing"),
        ({"DB_POOL_SIZE": "0"}, "DB_POOL_SIZE: Input should be greater than or equal to 1"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL: Input should be 'DEBUG'"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8, 10.0.0.300"}, "allowed: CIDRs separated by commas"),
        ({"DB_TLS_CA": "/nowhere.pem"}, "DB_TLS_CA names /nowhere.pem, which is not a file"),
        ({"API_KEYS__OPERATOR": "guess me"}, "API_KEYS.OPERATOR: Value should have at least 32"),
        ({"AUTHENTICATION": "off"}, "AUTHENTICATION: Input should be 'required' or 'none'"),
        ({"OIDC_ISSUER": "https://id.example"}, "OIDC_AUDIENCE is missing"),
        ({"OIDC_ISSUER": "http://id.example", "OIDC_AUDIENCE": "x"}, "allowed: a URL that begins with https://"),
        ({"REDIS_TIMEOUT_SECONDS": "soon"}, "REDIS_TIMEOUT_SECONDS: Input should be a valid number"),
    ],
)
def test_mistakes_are_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str) -> None:
    set_all(monkeypatch, **{"DB_HOST": "x", "DB_USER": "x", **variables})
    with pytest.raises(ConfigurationError) as error:
        load_settings()
    assert message in str(error.value)


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, PORT="x", DB_PORT="y")
    with pytest.raises(ConfigurationError, match=r"(?s)PORT: .*DB_PORT: "):
        load_settings()


def test_empty_variables_are_unset_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, APP_ENVIRONMENT="dev", REDIS_PORT="", WEB_CONCURRENCY="")
    assert load_settings().redis_port == 6379


def test_an_api_key_that_is_too_short_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, DB_HOST="x", DB_USER="x", API_KEYS__OPERATOR="guess me")
    with pytest.raises(ConfigurationError) as error:
        load_settings()
    assert "guess me" not in str(error.value)


@pytest.mark.parametrize("environment", ["local", "dev", "staging", "prod"])
def test_without_anybody_to_let_in_nothing_is_served(environment: str) -> None:
    settings = load_settings(app_environment=environment, db_host="x", db_user="x")
    with pytest.raises(ConfigurationError, match=r"set API_KEYS__<NAME> or OIDC_ISSUER"):
        settings.check_callers()


@pytest.mark.parametrize(
    ("environment", "allowed"), [("local", True), ("dev", True), ("staging", True), ("prod", False)]
)
def test_everybody_is_let_into_production_only_if_it_is_said_twice(environment: str, allowed: bool) -> None:
    common = {"app_environment": environment, "db_host": "x", "db_user": "x", "authentication": "none"}
    load_settings(**common, allow_unauthenticated=True).check_callers()
    settings = load_settings(**common)
    if allowed:
        settings.check_callers()
    else:
        with pytest.raises(ConfigurationError, match="ALLOW_UNAUTHENTICATED=true"):
            settings.check_callers()
