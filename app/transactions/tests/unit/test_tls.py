"""TLS to the database and to Redis is really asked for."""

from __future__ import annotations

import ssl
from pathlib import Path

from redis.asyncio.connection import SSLConnection

from transactions.config import load_settings
from transactions.database import connect_arguments
from transactions.redis_gateway import make_client

COMMON = {"app_environment": "prod", "db_host": "db", "db_user": "u", "redis_host": "cache"}


def test_database_certificates_are_verified() -> None:
    context = connect_arguments(load_settings(**COMMON, db_tls=True))["ssl"]
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert "ssl" not in connect_arguments(load_settings(**COMMON))


def test_redis_certificates_are_verified(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    client = make_client(load_settings(**COMMON, redis_tls=True, redis_tls_ca=authority, redis_auth_token="t"))
    pool = client.connection_pool
    assert pool.connection_class is SSLConnection
    assert pool.connection_kwargs["ssl_ca_certs"] == str(authority)
    assert pool.connection_kwargs["password"] == "t"
    assert SSLConnection(**pool.connection_kwargs).ssl_context.cert_reqs == ssl.CERT_REQUIRED
