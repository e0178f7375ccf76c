"""A proxy between botocore and an emulator that sees every API call: it counts reads and writes, and can misbehave."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import re
import threading
import time
import typing as t
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import SplitResult, parse_qs, urlsplit

from ansible_collections.slipway.graph.plugins.plugin_utils.worker.operations import NAMED_READS, is_read

FAULTS = ("throttle", "break", "hang up", "time out", "lose the answer")
# How long a call that times out is kept waiting. botocore itself would wait a minute.
PATIENCE_SECONDS = 1.0
# A request does not say what botocore calls its service.
_READS = {name.partition(":")[2] for name in NAMED_READS}
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Request(t.NamedTuple):
    """What a client sends."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(t.NamedTuple):
    """What comes back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class ApiProxy:
    """Forwards to one emulator. ``operations`` lists what was asked, ``fault`` may answer instead of the emulator."""

    def __init__(self, target: str, port: int = 0) -> None:
        self.target = urlsplit(target)
        self.operations: list[str] = []
        # Whose buckets operations wanted, where they said so.
        self.bucket_owners: list[tuple[str, str]] = []
        # Whose credentials signed the requests.
        self.access_keys: set[str] = set()
        self.latency = 0.0
        self.fault_rate = 0.0
        # Operations, as operation_of names them, that the credentials have no permission for.
        self.denied: set[str] = set()
        # By operation the errors, code and message, with which AWS refuses it next, one after the other.
        self.refusals: dict[str, list[tuple[str, str]]] = {}
        # Whose answers end in their middle.
        self.cuts: t.Callable[[str], bool] = lambda _operation: False
        # What the emulator's answers are turned into.
        self.edits: t.Callable[[bytes], bytes] = lambda body: body
        # Whether the credentials have run out.
        self.has_expired: t.Callable[[str], bool] = lambda _operation: False
        self.denies: t.Callable[[str], bool] = lambda operation: operation in self.denied
        self.random = random.Random(0)  # noqa: S311 - faults must be repeatable
        self.lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def writes(self) -> list[str]:
        """The operations that were no reads."""
        return [operation for operation in self.operations if not only_reads(operation)]

    def exchange(self, request: Request) -> Answer:
        """The answer to a request: the emulator's."""
        return send(self.target, request)

    def wait(self) -> None:
        """Serve until the process ends."""
        self._thread.join()

    def forget(self) -> None:
        """Start counting anew."""
        with self.lock:
            self.operations.clear()
            self.access_keys.clear()

    def __enter__(self) -> ApiProxy:
        """It listens already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def proxied(environment: dict[str, str]) -> Iterator[tuple[dict[str, str], list[ApiProxy]]]:
    """The environment with a proxy before each of its emulators, and the proxies."""
    with contextlib.ExitStack() as stack:
        proxies = {
            name: stack.enter_context(ApiProxy(url))
            for name, url in environment.items()
            if name.startswith("AWS_ENDPOINT_URL")
        }
        yield {**environment, **{name: proxy.url for name, proxy in proxies.items()}}, list(proxies.values())


class _Handler(BaseHTTPRequestHandler):
    owner: t.ClassVar[ApiProxy]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._forward()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, format: str, *args: t.Any) -> None:
        pass

    def _forward(self) -> None:
        try:
            body = self._body()
        except (ValueError, EOFError):  # whoever sent it was killed in the middle: nobody can act on that
            self._hang_up()
            return
        operation = operation_of(self.command, self.path, dict(self.headers.items()), body)
        with self.owner.lock:
            self.owner.operations.append(operation)
            refusals = self.owner.refusals.get(operation)
            refusal = refusals.pop(0) if refusals else None
            self.owner.access_keys.update(re.findall(r"Credential=([^/]+)/", self.headers.get("Authorization", "")))
            self.owner.bucket_owners.append((operation, self.headers.get("x-amz-expected-bucket-owner", "")))
            fault = self.owner.random.choice(FAULTS) if self.owner.random.random() < self.owner.fault_rate else ""
        if self.owner.latency:
            time.sleep(self.owner.latency)
        if self.owner.denies(operation):
            self._deny(operation)
            return
        if refusal:
            self._reply_error(400, *refusal)
            return
        if self.owner.has_expired(operation):
            self._reply_error(403, "ExpiredTokenException", "The security token included in the request is expired")
            return
        # A write whose answer is lost may have happened; botocore asks again all the same, as everybody's client does.
        if fault and not (fault == "lose the answer" and only_reads(operation)):
            self._misbehave(fault)
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        answer = self.owner.exchange(Request(self.command, self.path, headers, body))
        if fault:
            self._hang_up()
        else:
            content = self.owner.edits(answer.body)
            whole = len(content) if not self.owner.cuts(operation) else len(content) // 2
            self._reply(answer.status, answer.headers, content[:whole])

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return b"".join(iter(self._chunk, b""))
        return self._exactly(int(self.headers.get("Content-Length") or 0))

    def _exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self._exactly(size)
        self.rfile.readline()
        return data

    def _deny(self, operation: str) -> None:
        message = f"User: arn:aws:iam::123456789012:user/ann is not authorized to perform: {operation}"
        self._reply_error(403, "AccessDeniedException", message)

    def _reply_error(self, status: int, code: str, message: str) -> None:
        """An error in the protocol that was spoken."""
        if self.headers.get("X-Amz-Target"):
            body = json.dumps({"__type": code, "message": message})
        elif "/restapis" in self.path or self.headers.get("Content-Type", "").startswith("application/json"):
            body = json.dumps({"code": code, "message": message})
        else:
            error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            # S3's errors stand alone, EC2's and the query protocol's within a response.
            body = error if "form-urlencoded" not in self.headers.get("Content-Type", "") else (
                f"<ErrorResponse>{error}<Errors>{error}</Errors></ErrorResponse>"
            )  # fmt: skip
        self._reply(status, [("x-amzn-ErrorType", code)], body.encode())

    def _misbehave(self, fault: str) -> None:
        if fault == "throttle":
            self._reply_error(400, "ThrottlingException", "Rate exceeded")
        elif fault == "break":
            self._reply(503, [], b"")
        else:
            if fault == "time out":
                time.sleep(PATIENCE_SECONDS)
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def send(target: SplitResult, request: Request) -> Answer:
    """Send a request to an emulator and return what it answers."""
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
    with contextlib.closing(connection):
        connection.request(request.method, request.path, request.body, request.headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())


def operation_of(method: str, path: str, headers: dict[str, str], body: bytes) -> str:
    """The API operation behind a request; for REST services its HTTP method stands in for the name."""
    target = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
    if target:
        return target.replace(".", ":")
    rpc = re.search(r"/service/([^/]+)/operation/(\w+)", path)
    if rpc:
        return f"{rpc[1]}:{rpc[2]}"
    form = body if "form-urlencoded" in headers.get("Content-Type", "") else b""
    action = parse_qs(form.decode(errors="replace")).get("Action") or parse_qs(urlsplit(path).query).get("Action")
    if action:
        return f"query:{action[0]}"
    verb = "Get" if method in {"GET", "HEAD", "OPTIONS"} else method.capitalize()
    return f"rest:{verb} {urlsplit(path).path}"


def only_reads(operation: str) -> bool:
    """Whether a request only reads, by what :func:`operation_of` calls it, or by that without the service."""
    name = operation.rpartition(":")[2]
    return name in _READS or is_read("", name)
