"""Who is let in: owners of API keys and those whom an OpenID provider vouches for, and nobody else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conftest import StartApp, StartService
from tests.servers import RedisServer
from transactions.config import Settings, load_settings

KEYS = {"operator": "the-key-of-the-operator-in-this-test", "operator_2": "the-key-that-takes-its-place-one-day"}
AUDIENCE = "transactions"
OPEN = ("/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs")
CLOSED = (
    ("GET", "/transaction"), ("POST", "/transaction"), ("DELETE", "/transaction"), ("GET", "/transaction/1"),
    ("DELETE", "/transaction/1"), ("GET", "/version"), ("GET", "/nowhere"), ("GET", "/metrics/"), ("GET", "//metrics"),
)  # fmt: skip


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def closed(start_app: StartApp, settings: Settings) -> httpx.AsyncClient:
    """A client of an application that wants to know who calls."""
    keys = load_settings(app_environment="local", api_keys=KEYS).api_keys
    changed = settings.model_copy(update={"authentication": "required", "api_keys": keys})
    client: httpx.AsyncClient = (await start_app(changed))[0]
    return client


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_strangers_get_401_with_a_problem(closed: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await closed.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:problem:unauthenticated"


async def test_strangers_get_nothing_from_the_cache_and_change_nothing(closed: httpx.AsyncClient) -> None:
    asking = bearer(KEYS["operator"])
    posted = await closed.post("/transaction", json={"amount": "1", "description": "x"}, headers=asking)
    path = posted.headers["location"]
    for _ in range(2):
        assert (await closed.get(path, headers=asking)).status_code == 200
    assert (await closed.get(path)).status_code == 401
    assert (await closed.delete(path)).status_code == 401
    assert (await closed.delete("/transaction?confirm=delete-all-transactions")).status_code == 401
    assert (await closed.get(path, headers=asking)).json() == posted.json()


async def test_an_old_and_a_new_key_are_good_at_the_same_time(closed: httpx.AsyncClient) -> None:
    for key in KEYS.values():
        assert (await closed.get("/transaction", headers=bearer(key))).status_code == 200


KEY = KEYS["operator"]


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", value)]
        for value in (
            "",
            "Bearer",
            "Bearer ",
            f"Basic {KEY}",
            KEY,
            f"Bearer {KEY}x",
            f"Bearer {KEY[:-1]}",
            "Bearer ümlaut",
        )
    ]
    + [[("X-Api-Key", KEY)], [("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer other")]],
)
async def test_what_is_nearly_a_key_opens_nothing(closed: httpx.AsyncClient, headers: list[tuple[str, str]]) -> None:
    encoded = [(name, value.encode("latin-1")) for name, value in headers]
    assert (await closed.get("/transaction", headers=encoded)).status_code == 401  # type: ignore[arg-type]


async def test_probes_scrapers_and_readers_of_the_documentation_need_no_key(closed: httpx.AsyncClient) -> None:
    assert {path: (await closed.get(path)).status_code for path in OPEN} == dict.fromkeys(OPEN, 200)


async def test_health_tells_strangers_only_that_it_answers(
    closed: httpx.AsyncClient, redis_server: RedisServer
) -> None:
    assert (await closed.get("/health")).json().keys() == {"status", "timestamp"}
    known = (await closed.get("/health", headers=bearer(KEY))).json()
    assert known["services"] == {"database": "up", "redis": "up"}
    redis_server.kill()
    assert (await closed.get("/health")).json()["status"] == "ok"
    assert (await closed.get("/health", headers=bearer(KEY))).json()["status"] == "degraded"


async def test_strangers_are_limited_like_everybody(start_app: StartApp, settings: Settings) -> None:
    keys = load_settings(app_environment="local", api_keys=KEYS).api_keys
    limit = {"rate_limit_requests": 3, "authentication": "required", "api_keys": keys}
    client, _ = await start_app(settings.model_copy(update=limit))
    assert [(await client.get("/transaction")).status_code for _ in range(5)] == [401] * 3 + [429] * 2


def test_the_log_has_the_name_of_the_key_and_never_a_key(start_service: StartService) -> None:
    wrong = "a-key-that-nobody-ever-had-in-this-test"
    service = start_service(AUTHENTICATION="required", API_KEYS__OPERATOR=KEY)
    service.request("GET", "/transaction", headers=bearer(KEY))
    service.request("GET", "/transaction", headers=bearer(wrong))
    service.stop()
    log = service.log.read_text()
    assert KEY not in log
    assert wrong not in log
    finished = [line for line in map(json.loads, log.splitlines()) if line["event"] == "request_finished"]
    assert [(line["status"], line.get("caller")) for line in finished] == [(200, "operator"), (401, None)]


class Provider:
    """An OpenID provider that signs with keys of its own."""

    def __init__(self) -> None:
        self.keys = {"first": rsa.generate_private_key(65537, 2048)}
        self.asked: list[str] = []
        self.issuer_told = ""
        provider = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                document = provider.document(self.path)
                self.send_response(200 if document else 404)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def document(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.issuer_told or self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        public = {
            kid: jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) for kid, key in self.keys.items()
        }
        return {"keys": [{**key, "kid": kid, "use": "sig"} for kid, key in public.items()]} if path == "/keys" else {}

    def token(self, kid: str = "first", algorithm: str = "RS256", key: Any = None, **changes: Any) -> str:
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": "ann", "exp": time.time() + 60, **changes}
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(given, key or self.keys[kid], algorithm=algorithm, headers={"kid": kid})


@pytest.fixture
def provider() -> Iterator[Provider]:
    running = Provider()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
async def vouched(start_app: StartApp, settings: Settings, provider: Provider) -> httpx.AsyncClient:
    """A client of an application that believes the provider."""
    issuer = {"authentication": "required", "oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE}
    client: httpx.AsyncClient = (await start_app(settings.model_copy(update=issuer)))[0]
    return client


async def test_a_token_of_the_provider_is_good_and_its_keys_are_asked_for_once(
    vouched: httpx.AsyncClient, provider: Provider
) -> None:
    for _ in range(3):
        assert (await vouched.get("/transaction", headers=bearer(provider.token()))).status_code == 200
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


OTHER_KEY = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 0}, {"exp": None}, {"sub": None}, {"aud": "others"}, {"aud": None}, {"iss": "https://elsewhere.example"},
        {"nbf": time.time() + 3600}, {"key": OTHER_KEY}, {"kid": "second", "key": OTHER_KEY},
        {"algorithm": "HS256", "key": "s" * 32},
    ],
    ids=str,
)  # fmt: skip
async def test_no_other_token_is_good(vouched: httpx.AsyncClient, provider: Provider, changes: dict[str, Any]) -> None:
    answer = await vouched.get("/transaction", headers=bearer(provider.token(**changes)))
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:problem:unauthenticated")


async def test_unsigned_tokens_are_not_good(vouched: httpx.AsyncClient, provider: Provider) -> None:
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "ann", "exp": time.time() + 60}
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": "first"})
    for token in (unsigned, "a.b.c", "..", provider.token()[:-4]):
        assert (await vouched.get("/transaction", headers=bearer(token))).status_code == 401


async def test_invented_keys_do_not_make_it_ask_again_and_again(vouched: httpx.AsyncClient, provider: Provider) -> None:
    await vouched.get("/transaction", headers=bearer(provider.token()))
    for number in range(5):
        invented = provider.token(kid=f"invented-{number}", key=OTHER_KEY)
        assert (await vouched.get("/transaction", headers=bearer(invented))).status_code == 401
    assert provider.asked.count("/keys") == 1


async def test_while_the_provider_is_away_tokens_get_503_and_nobody_is_let_in(
    start_app: StartApp, settings: Settings, provider: Provider
) -> None:
    keys = load_settings(app_environment="local", api_keys=KEYS).api_keys
    issuer = {
        "authentication": "required", "oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE, "api_keys": keys,
    }  # fmt: skip
    client, _ = await start_app(settings.model_copy(update=issuer))
    provider.issuer_told = "https://another.example"
    refused = await client.get("/transaction", headers=bearer(provider.token()))
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:problem:authentication-unavailable")
    assert (await client.get("/health", headers=bearer(provider.token()))).json().keys() == {"status", "timestamp"}
    assert (await client.get("/transaction", headers=bearer(KEY))).status_code == 200
    provider.issuer_told = ""
    assert (await client.get("/transaction", headers=bearer(provider.token()))).status_code == 200
