"""TLS to a database that refuses everything else, as RDS does where it is told to."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tests.conftest import StartApp
from tests.servers import APP, MariaDbServer, migrate
from transactions.config import Settings, load_settings
from transactions.database import Database, DatabaseUnavailableError, make_engine

RDS = APP / "certificates" / "rds.pem"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Who signed the database's certificate; the certificate itself lies beside."""
    folder = tmp_path_factory.mktemp("authority")
    made = trustme.CA()
    made.cert_pem.write_to_path(folder / "ca.pem")
    made.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "database.pem")
    made.issue_cert("database.example").private_key_and_cert_chain_pem.write_to_path(folder / "other.pem")
    return folder / "ca.pem"


@pytest.fixture(scope="module")
def database(authority: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDbServer]:
    """A MariaDB that demands TLS."""
    server = MariaDbServer(tmp_path_factory.mktemp("mariadb"))
    server.require_tls(authority.with_name("database.pem"))
    try:
        server.create()
        yield server
    finally:
        server.kill()


def settings(server: MariaDbServer, **tls: object) -> Settings:
    names = {name.lower(): value for name, value in server.environment().items()}
    return load_settings(app_environment="dev", authentication="none", **names, **tls)


async def cipher(settings: Settings) -> str:
    """What the server says of our connection."""
    database = Database(make_engine(settings), settings.db_timeout_seconds)
    try:
        shown = await database.run("cipher", lambda session: session.execute(text("SHOW STATUS LIKE 'Ssl_cipher'")))
        return str(shown.one()[1])
    finally:
        await database.close()


async def test_migration_and_service_work_over_verified_tls(
    start_app: StartApp, database: MariaDbServer, authority: Path
) -> None:
    migrate({**database.environment(), "DB_TLS": "true", "DB_TLS_CA": str(authority)})
    trusting = settings(database, db_tls=True, db_tls_ca=authority)
    assert await cipher(trusting)
    client, _ = await start_app(trusting)
    posted = await client.post("/transaction", json={"amount": "1.00", "description": "over TLS"})
    assert posted.status_code == 201
    assert (await client.get(posted.headers["location"])).json() == posted.json()


@pytest.mark.parametrize(
    ("tls", "reason"),
    [
        ({}, "Access denied"),  # what MariaDB calls it
        ({"db_tls": True}, "certificate verify failed"),
        ({"db_tls": True, "db_tls_ca": RDS}, "certificate verify failed"),
    ],
    ids=["no TLS", "the system's authorities", "those of RDS"],
)
async def test_connections_that_cannot_be_trusted_are_not_made(
    database: MariaDbServer, tls: dict[str, object], reason: str
) -> None:
    with pytest.raises((DatabaseUnavailableError, SQLAlchemyError), match=reason):
        await cipher(settings(database, **tls))


async def test_certificate_of_another_host_is_refused(database: MariaDbServer, authority: Path) -> None:
    database.kill()
    database.require_tls(authority.with_name("other.pem"))
    database.start()
    with pytest.raises((DatabaseUnavailableError, SQLAlchemyError), match="certificate is not valid for"):
        await cipher(settings(database, db_tls=True, db_tls_ca=authority))


def test_the_image_trusts_the_authorities_of_rds() -> None:
    authorities = x509.load_pem_x509_certificates(RDS.read_bytes())
    names = [authority.subject.rfc4514_string() for authority in authorities]
    # A Region has one authority for each kind of key.
    assert sum("CN=Amazon RDS eu-central-1 Root CA" in name for name in names) == 3
    assert all("O=Amazon Web Services" in name for name in names)
    for authority in authorities:
        authority.verify_directly_issued_by(authority)
    assert len(ssl.create_default_context(cafile=RDS).get_ca_certs()) == len(authorities)
    assert "DB_TLS_CA=/app/certificates/rds.pem" in (APP / "Dockerfile").read_text()
