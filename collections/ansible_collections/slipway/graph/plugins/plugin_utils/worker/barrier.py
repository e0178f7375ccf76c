# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one seam through which every AWS call of a module goes: what it journals, and where a plan stops it.

Everything boto3 sends passes ``botocore.client.BaseClient._make_api_call``. In an apply the call is journalled
and sent. In a plan only reads are sent: a write that would make something new raises :class:`WriteBarrier`, one that
would change what exists is noted and answered with nothing. So a plan is exact for modules whose check mode is missing
or wrong. What is a read: see :mod:`operations`.
"""

from __future__ import annotations

import collections
import hashlib
import json
import re
import sys
import threading
import time
import typing as t
from urllib.parse import urlsplit

from ansible_collections.slipway.graph.plugins.plugin_utils.worker import (
    always_write,
    consistency,
    differences,
    hidden,
    local_effects,
    reads,
)
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.buckets import Buckets
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.operations import creates, is_login, is_read
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.write_ahead import Untold, WriteAhead

# The real one: `install` puts another in its place.
_sleep = time.sleep

# A module may look twice at what it has written; one that looks more often waits.
MOST_EQUAL_READS = 3


class WriteBarrier(BaseException):
    """A module was about to write. Not an ``Exception``: modules catch those and would go on."""


class TransferBarrier(Exception):  # noqa: N818 - no more of an error than the other
    """The same within s3transfer: its threads wait for ever for a part that ends by no ``Exception``."""


class ApiCall(t.TypedDict, total=False):
    """One line of the journal. Never holds a parameter's or an answer's value."""

    service: str
    operation: str
    seconds: float
    retries: int
    error: str


class Write(t.TypedDict):
    """A write that a plan stopped: ``parameters`` without the values of ``no_log`` options."""

    service: str
    operation: str
    parameters: dict[str, t.Any]


class Seam:
    """What the running call may do and what it has done; one per process, as modules run one at a time."""

    def __init__(self, buckets: Buckets | None = None) -> None:
        self.mode = "apply"
        self._buckets = buckets or Buckets()
        self.write_ahead = WriteAhead()
        self.calls: list[ApiCall] = []
        self.writes: list[Write] = []
        self.changes: list[differences.Change] = []
        # Whether to find out what the stopped write would change; the running module sets it.
        self.compares = False
        # Takes secrets out of parameters, and says what they are; who runs modules sets them.
        self.readable: t.Callable[[t.Any], t.Any] = lambda value: value
        self.secrets: t.Callable[[], t.Iterable[str]] = lambda: ()
        self._expected: list[t.Any] | None = None
        self._reads: list[differences.Read] = []
        self._answers = reads.Reads()
        self._asked_again: collections.Counter[reads.Key] = collections.Counter()
        # Modules may call from several threads.
        self._lock = threading.RLock()
        self._thread = threading.local()

    def begin(self, mode: str, expected: list[t.Any] | None = None) -> None:
        """Start the books of the next call.

        :arg mode: apply, plan or inspect (see :meth:`intercept`).
        :arg expected: the writes that a plan announced: an apply stops at a first write that is another one.
        """
        self._expected = expected
        self._asked_again.clear()
        self.mode, self.calls, self.writes, self.changes, self._reads = mode, [], [], [], []
        self.compares = False
        if mode == "apply":
            self._answers.forget()

    def intercept(self, original: t.Callable[..., t.Any], client: t.Any, operation: str, parameters: t.Any) -> t.Any:
        """Send, journal or stop one API call.

        Where nothing is written, a write that makes something new stops the module: nothing can be known of it. One
        that changes what exists is answered with nothing, so that the module goes on to return what it knows of the
        resource, its id above all: what needs that can then be planned too.
        """
        service = client.meta.service_model.service_name
        if is_login(service, operation):
            return original(client, operation, parameters)
        if self.mode != "apply" and not is_read(service, operation):
            reply = always_write.reply_if_unchanged(client, service, operation, parameters)
            if reply:
                return reply()
            if self.compares:
                self.changes += self._changes(client, operation, parameters)
            self.writes.append(Write(service=service, operation=operation, parameters=self._plain(parameters)))
            if creates(operation):
                raise _barrier(f"{service}:{operation}")
            return {}
        if self._expected is not None and not is_read(service, operation):
            with self._lock:
                if self._expected is not None:
                    self._hold_to_plan(client, operation, parameters)
        answer = self._answer(original, client, service, operation, parameters)
        if self.compares and self.mode == "plan" and differences.is_kept(operation):
            self._reads.append(differences.Read(operation, self._plain(parameters), self._plain(answer)))
        return answer

    def _hold_to_plan(self, client: t.Any, operation: str, parameters: t.Any) -> None:
        """Stop at a first write that is not the planned one; what follows the first was not planned in detail."""
        service = client.meta.service_model.service_name
        write = Write(service=service, operation=operation, parameters=self._plain(parameters))
        tokens = _idempotency_tokens(client, operation)
        if not self._expected and always_write.reply_if_unchanged(client, service, operation, parameters):
            return
        if not self._expected or not _is_same(self._expected[0], self.readable(dict(write)), tokens):
            self.writes.append(write)
            raise _barrier(f"{service}:{operation}")
        self._expected = None

    def stop_local_effect(self, operation: str, parameters: dict[str, t.Any]) -> t.NoReturn:
        """Stop what a module is about to do to this machine or over the network."""
        self.writes.append(Write(service=local_effects.SERVICE, operation=operation, parameters=parameters))
        raise _barrier(operation)

    def _changes(self, client: t.Any, operation: str, parameters: t.Any) -> list[differences.Change]:
        shape = client.meta.service_model.operation_model(operation).input_shape
        required = shape.required_members if shape else []
        return differences.of_write(operation, self._plain(parameters), required, self._reads)

    def _plain(self, value: t.Any) -> dict[str, t.Any]:
        """A copy that nobody changes later, of plain data only."""
        return t.cast("dict[str, t.Any]", json.loads(json.dumps(value or {}, default=self._described)))

    def _described(self, value: t.Any) -> str:
        """What stands for a value that JSON does not have; for contents, that which tells them from others."""
        content = value
        if _can_be_read_twice(value):
            place = value.tell()
            content = value.read()
            value.seek(place)
        if not isinstance(content, (bytes, bytearray)):
            return str(value)
        if any(secret.encode() in content for secret in self.secrets()):
            return f"{len(content)} bytes, hidden by no_log"
        return f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}"

    def _answer(
        self, original: t.Callable[..., t.Any], client: t.Any, service: str, operation: str, parameters: t.Any
    ) -> t.Any:
        """Send a call; where nothing is written, equal reads are sent once."""
        if self.mode == "apply":
            return self._send(original, client, service, operation, parameters)
        key = reads.key_of(client, operation, parameters)
        self._refuse_to_wait(key)
        answer = self._answers.find(key)
        if answer is None:
            answer = self._send(original, client, service, operation, parameters)
            self._answers.keep(key, answer)
        return answer

    def _refuse_to_wait(self, key: reads.Key) -> None:
        """Stop a module that waits for what it was not allowed to write."""
        if self.writes:
            with self._lock:
                self._asked_again[key] += 1
            if self._asked_again[key] > MOST_EQUAL_READS:
                raise _barrier("it is waiting for a write that was not sent")

    def sleep(self, seconds: float) -> None:
        """Sleep, unless it is a module that waits for what it was not allowed to write."""
        if not self.writes or getattr(self._thread, "is_sending", False):
            _sleep(seconds)

    def _send(
        self, original: t.Callable[..., t.Any], client: t.Any, service: str, operation: str, parameters: t.Any
    ) -> t.Any:
        """Send a call when AWS has room for it, and again while IAM has not told it of a role that is new."""
        waited = 0.0
        while True:
            if not _is_emulator(client.meta.endpoint_url):
                self._buckets.take(service, operation, is_read(service, operation))
            try:
                answer = self._send_once(original, client, service, operation, parameters)
            except Exception as error:
                if not self._may_be_too_new(service, operation, error, waited):
                    raise
                time.sleep(consistency.PAUSE_SECONDS)
                waited += consistency.PAUSE_SECONDS
                continue
            if service == "iam" and not is_read(service, operation):
                self._buckets.note_iam_write()
            return answer

    def _may_be_too_new(self, service: str, operation: str, error: BaseException, waited: float) -> bool:
        """Whether a write is refused for a role that only IAM itself knows yet.

        What IAM says of its own roles, and what a read says of anything, is the answer.
        """
        if service == "iam" or is_read(service, operation):
            return False
        if consistency.is_refused_own_role(error):
            return waited < consistency.PATIENCE_SECONDS
        is_recent = self._buckets.since_iam_write() <= consistency.PATIENCE_SECONDS
        return is_recent and consistency.is_refused_role(error)

    def _send_once(
        self, original: t.Callable[..., t.Any], client: t.Any, service: str, operation: str, parameters: t.Any
    ) -> t.Any:
        call = ApiCall(service=service, operation=operation, seconds=0.0, retries=0)
        writes = not is_read(service, operation)
        if writes:
            try:
                self.write_ahead.sending(service, operation)
            except Untold as error:
                raise _barrier(str(error)) from error
        started = time.monotonic()
        # A call may be made within a call, by credentials that have run out.
        outer, self._thread.is_sending = getattr(self._thread, "is_sending", False), True
        try:
            answer = original(client, operation, parameters)
            call["retries"] = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
            return answer
        except Exception as error:
            response = getattr(error, "response", None) or {}
            call["error"] = response.get("Error", {}).get("Code") or type(error).__name__
            call["retries"] = response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
            raise
        finally:
            self._thread.is_sending = outer
            call["seconds"] = round(time.monotonic() - started, 4)
            self.calls.append(call)
            if writes:
                self.write_ahead.answered(call)


def _is_same(planned: t.Any, write: dict[str, t.Any], tokens: set[str]) -> bool:
    """Whether a write is the planned one; of a planned one without parameters (by ``no_log``) only the operation."""
    if (planned["service"], planned["operation"]) != (write["service"], write["operation"]):
        return False
    if planned["parameters"] is None:
        return True
    first, second = (
        {name: value for name, value in each["parameters"].items() if name not in tokens} for each in (planned, write)
    )
    return _fits(first, second)


def _fits(planned: t.Any, value: t.Any) -> bool:
    """Whether a value is the planned one; what was secret in a plan is not written in it, and may be anything."""
    if isinstance(planned, dict) and isinstance(value, dict):
        return planned.keys() == value.keys() and all(_fits(planned[key], value[key]) for key in planned)
    if isinstance(planned, list) and isinstance(value, list):
        return len(planned) == len(value) and all(map(_fits, planned, value))
    if planned == hidden.WHOLE:
        return True
    if isinstance(planned, str) and isinstance(value, str) and hidden.PART in planned:
        pattern = ".+".join(map(re.escape, planned.split(hidden.PART)))
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    return bool(planned == value)


def _idempotency_tokens(client: t.Any, operation: str) -> set[str]:
    """The parameters that are made up anew for each call."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    return (
        {name for name, member in shape.members.items() if member.metadata.get("idempotencyToken")} if shape else set()
    )


def _is_emulator(endpoint: str) -> bool:
    """Whether an endpoint is on this machine, where AWS's limits do not hold."""
    host = urlsplit(endpoint).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _can_be_read_twice(value: t.Any) -> bool:
    """Whether a value is a file, and no stream such as those of answers."""
    has_place = all(hasattr(value, name) for name in ("read", "seek", "tell"))
    return has_place and (not hasattr(value, "seekable") or value.seekable())


def _barrier(reason: str) -> BaseException:
    """What stops the module."""
    frame = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("s3transfer."):
            return TransferBarrier(reason)
        frame = frame.f_back  # type: ignore[assignment]  # the outermost has none
    return WriteBarrier(reason)


def install(seam: Seam) -> None:
    """Put the seam between every botocore client of this process and AWS."""
    import botocore.client  # noqa: PLC0415 - only the warm processes have boto3 loaded

    time.sleep = seam.sleep  # type: ignore[assignment]  # what an int can be, a float can
    base: t.Any = botocore.client.BaseClient
    original = base._make_api_call

    def _make_api_call(self: t.Any, operation_name: str, api_params: t.Any) -> t.Any:
        return seam.intercept(original, self, operation_name, api_params)

    base._make_api_call = _make_api_call
