"""Configuration from the environment, as ECS and Kubernetes inject it."""

from __future__ import annotations

import ipaddress
import os
import socket
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Whoever could guess a key would be let in: 32 letters and digits are 190 bits.
ApiKey = Annotated[SecretStr, Field(min_length=32)]

DEFAULT_CACHE_TTL_SECONDS = {"local": 30, "dev": 60, "staging": 300, "prod": 600}


class ConfigurationError(Exception):
    """The environment does not describe a service that could run."""


class Settings(BaseSettings):
    """Every setting has the upper-case environment variable of the same name."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, env_nested_delimiter="__", frozen=True)

    # Unset means production: what is dangerous there has to be allowed, not forbidden.
    app_environment: Literal["local", "dev", "staging", "prod"] = "prod"
    app_version: str = "0.1.0"
    app_commit: str = "unknown"
    host: str = "0.0.0.0"  # noqa: S104  # a container is reached from outside
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    web_concurrency: Annotated[int, Field(ge=1, le=64)] = 1
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    # How long a stopping instance still takes new connections, for load balancers that notice late.
    shutdown_drain_seconds: Annotated[float, Field(ge=0, le=60)] = 0.0
    shutdown_timeout_seconds: Annotated[int, Field(ge=1, le=110)] = 20
    max_body_bytes: Annotated[int, Field(ge=1024)] = 65536

    # `none` lets everybody in: for a first try. Production wants to be told twice.
    authentication: Literal["required", "none"] = "required"
    allow_unauthenticated: bool = False
    # By the name of who has it: API_KEYS__OPERATOR. All are good at once, so that a new one can replace an old one.
    api_keys: dict[str, ApiKey] = {}
    # The OpenID provider whose tokens are good too, and for whom they have to be.
    oidc_issuer: str = ""
    oidc_audience: str = ""

    # Without a host the data is in a SQLite file, for a first try only.
    db_host: str = ""
    db_port: Annotated[int, Field(ge=1, le=65535)] = 3306
    db_name: str = "transactions"
    db_user: str = ""
    db_password: SecretStr = SecretStr("")
    # Accounts with MySQL's caching_sha2_password need it: without TLS their password would have to be sent in clear.
    db_tls: bool = False
    db_tls_ca: Path | None = None
    db_sqlite_path: Path = Path("transactions.db")
    db_pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    db_max_overflow: Annotated[int, Field(ge=0, le=200)] = 5
    db_pool_recycle_seconds: Annotated[int, Field(ge=-1)] = 1800
    db_pool_pre_ping: bool = True
    # A request that waits longer for the database is answered 503.
    db_timeout_seconds: Annotated[float, Field(gt=0, le=30)] = 1.5

    # Without a host there is neither cache nor rate limit.
    redis_host: str = ""
    redis_port: Annotated[int, Field(ge=1, le=65535)] = 6379
    redis_tls: bool = False
    redis_tls_ca: Path | None = None
    redis_auth_token: SecretStr = SecretStr("")
    redis_max_connections: Annotated[int, Field(ge=1, le=200)] = 2
    redis_timeout_seconds: Annotated[float, Field(gt=0, le=5)] = 0.5
    # How long an unreachable Redis is left alone before it is tried again.
    redis_retry_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0

    cache_ttl_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None

    rate_limit_requests: Annotated[int, Field(ge=0)] = 600
    rate_limit_window_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    # CIDRs whose X-Forwarded-For is believed: the load balancer's subnets.
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()

    totals_refresh_seconds: Annotated[float, Field(gt=0, le=3600)] = 10.0

    # OTLP over HTTP; the exporter's own settings are OpenTelemetry's OTEL_* variables.
    tracing: bool = False

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_networks(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(ipaddress.ip_network(item.strip()) for item in value.split(",") if item.strip())
        except ValueError as error:
            raise ValueError(f"{error}; allowed: CIDRs separated by commas") from None

    @model_validator(mode="after")
    def _check_together(self) -> Settings:
        if not self.db_host and self.app_environment in ("staging", "prod"):
            raise ValueError(
                f"DB_HOST is missing: SQLite is for a first try, not for {self.app_environment}"
                " (set DB_HOST, or APP_ENVIRONMENT=local)"
            )
        if self.db_host and not self.db_user:
            raise ValueError("DB_USER is missing although DB_HOST is set")
        for name in ("db_tls_ca", "redis_tls_ca"):
            path = getattr(self, name)
            if path is not None and not path.is_file():
                raise ValueError(f"{name.upper()} names {path}, which is not a file")
        if self.oidc_issuer and not self.oidc_audience:
            raise ValueError(
                "OIDC_AUDIENCE is missing although OIDC_ISSUER is set: tokens for others would be good too"
            )
        if self.oidc_issuer and not self.oidc_issuer.startswith(("https://", "http://127.0.0.1:")):
            raise ValueError(f"OIDC_ISSUER is {self.oidc_issuer}; allowed: a URL that begins with https://")
        return self

    def check_callers(self) -> None:
        """Refuse to serve nobody, or everybody by mistake. A migration serves nobody, and needs none of this."""
        if self.authentication == "none":
            if self.app_environment == "prod" and not self.allow_unauthenticated:
                raise ConfigurationError(
                    "invalid configuration\n  AUTHENTICATION is none, which lets everybody read and delete everything;"
                    " in production this needs ALLOW_UNAUTHENTICATED=true"
                )
        elif not self.api_keys and not self.oidc_issuer:
            raise ConfigurationError(
                "invalid configuration\n  AUTHENTICATION is required, but there is nobody to let in: set"
                " API_KEYS__<NAME> or OIDC_ISSUER (or AUTHENTICATION=none for a first try)"
            )

    @property
    def cache_ttl(self) -> int:
        """Seconds a cached answer lives: as set, else by environment."""
        return self.cache_ttl_seconds or DEFAULT_CACHE_TTL_SECONDS[self.app_environment]

    @property
    def uses_sqlite(self) -> bool:
        """Whether the data is in a SQLite file."""
        return not self.db_host

    @property
    def confirm_delete_all(self) -> bool:
        """Whether deleting everything needs the confirmation parameter."""
        return self.app_environment == "prod"

    @property
    def database_url(self) -> URL:
        """Where SQLAlchemy connects to."""
        if self.uses_sqlite:
            return URL.create("sqlite+aiosqlite", database=str(self.db_sqlite_path))
        return URL.create(
            "mysql+asyncmy",
            username=self.db_user,
            password=self.db_password.get_secret_value(),
            host=self.db_host,
            port=self.db_port,
            database=self.db_name,
            query={"charset": "utf8mb4"},
        )

    @cached_property
    def instance(self) -> str:
        """What tells this process' container from its siblings."""
        return os.environ.get("HOSTNAME") or socket.gethostname()


def load_settings(**overrides: Any) -> Settings:
    """Read the environment; every mistake in it is named in one error, without the values of secrets."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        mistakes = [
            f"{'.'.join(str(part) for part in item['loc']).upper() or 'environment'}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("invalid configuration\n  " + "\n  ".join(mistakes)) from None
