"""The key of a local environment: which requests it has signed, and what its file and its password are."""

from __future__ import annotations

import datetime as dt
import importlib.util
import sys
import typing as t
from base64 import b64encode
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.paths import ROOT

HOSTS = frozenset({"127.0.0.1:4566"})


def load_door() -> t.Any:
    """The module, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("door", ROOT / "roles/local/local_aws/files/door.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["door"] = module
    spec.loader.exec_module(module)
    return module


door = load_door()
KEY = door.AccessKey("AKIAOFTHEENVIRONMENT", "its-secret")


def signed(secret: str = KEY.secret, *, minutes_ago: int = 0, body: bytes = b"{}") -> dict[str, str]:
    """The headers of a request that somebody has signed."""
    request = AWSRequest("POST", "http://127.0.0.1:4566/path?b=2&a=1", data=body)
    signer = SigV4Auth(Credentials(KEY.id, secret), "ecs", "us-east-1")
    then = (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes_ago)).strftime("%Y%m%dT%H%M%SZ")
    request.context["timestamp"] = then
    request.headers["X-Amz-Date"] = then
    request.headers["Host"] = "127.0.0.1:4566"
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    scope = signer.scope(request)
    names = signer.signed_headers(signer.headers_to_sign(request))
    return {
        "host": "127.0.0.1:4566", "x-amz-date": then,
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}",
    }  # fmt: skip


def refusal(headers: dict[str, str], target: str = "/path?b=2&a=1", body: bytes = b"{}") -> str:
    """Why the key did not sign it."""
    return str(KEY.refusal("POST", target, headers, body))


def test_what_the_key_has_signed_is_taken() -> None:
    assert refusal(signed()) == ""


# Signed when they are asked with: a signature is good for five minutes only.
@pytest.mark.parametrize(("sign", "reason"), [
    (dict, "requires"),
    (lambda: signed("guessed"), "signature"),
    (lambda: signed(minutes_ago=20), "expired"),
    (lambda: signed(minutes_ago=-20), "not yet current"),
    (lambda: signed() | {"authorization": signed()["authorization"].replace(KEY.id, "AKIAOFANOTHER")}, "access key"),
    (lambda: signed() | {"host": "localhost:4566"}, "signature"),
])  # fmt: skip
def test_what_it_has_not_signed_is_refused_with_a_reason(sign: t.Callable[[], dict[str, str]], reason: str) -> None:
    assert reason in refusal(sign())


def test_another_body_path_or_query_needs_another_signature() -> None:
    assert "signature" in refusal(signed(), body=b'{"cluster": "other"}')
    assert "signature" in refusal(signed(), "/other?b=2&a=1")
    assert "signature" in refusal(signed(), "/path?b=2&a=2")


def test_the_key_is_read_from_a_file_of_shared_credentials(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[slipway-local]\naws_access_key_id = AKIAX\naws_secret_access_key = with%percent=sign\n")
    assert door.AccessKey.read(file) == door.AccessKey("AKIAX", "with%percent=sign")


def test_the_registrys_password_is_neither_the_secret_nor_anybody_elses() -> None:
    def opens(password: str) -> bool:
        return bool(KEY.opens_registry(f"Basic {b64encode(f'AWS:{password}'.encode()).decode()}"))

    assert opens(KEY.registry_password)
    assert not opens(KEY.secret)
    assert not opens(door.AccessKey(KEY.id, "other").registry_password)
    assert not KEY.opens_registry("")


@pytest.mark.parametrize("headers", [
    {"host": "127.0.0.1:4566", "origin": "http://evil.example"},
    {"host": "127.0.0.1:4566", "origin": "null"},
    {"host": "127.0.0.1:4566", "sec-fetch-site": "none"},
    {"host": "evil.example"},
    {"host": "127.0.0.1"},
    {},
])  # fmt: skip
def test_pages_and_other_names_are_foreign(headers: dict[str, str]) -> None:
    assert door.foreign(headers, HOSTS)


def test_a_systems_own_address_is_open_to_pages_but_not_under_another_name() -> None:
    page = {"origin": "http://localhost:3000", "sec-fetch-site": "cross-site"}
    assert door.foreign({"host": "127.0.0.1:4566", **page}, HOSTS, for_browsers=True) == ""
    assert door.foreign({"host": "evil.example", **page}, HOSTS, for_browsers=True)
    assert door.foreign({"host": "127.0.0.1:4566"}, HOSTS) == ""
