# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes a lock in DynamoDB, renews it while a process lives, and frees it when that process ends, however it ends.

The lock has to outlast the task that takes it and must not outlast the playbook run, so a process of its own keeps it.
As a program, it reads one JSON request from standard input, answers one JSON line on standard output, and goes on in
the background.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import getpass
import json
import os
import select
import socket
import sys
import tempfile
import time
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

LEASE_SECONDS = 60
RENEW_SECONDS = 20
POLL_SECONDS = 0.2


class Request(t.TypedDict):
    """``process`` is the one whose life the lock shares; ``account``, unless empty, whose credentials it must be."""

    table: str
    key: str
    reason: str
    process: int
    account: t.NotRequired[str]


def started_at(process: int) -> str:
    """What tells a process from a later one with the same number; empty if it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def holder_of(process: int) -> str:
    """The name a run holds its locks under."""
    return f"{getpass.getuser()}@{socket.gethostname()}:{process}:{started_at(process)}"


def is_dead(holder: str) -> bool:
    """Whether a holder was a process of this machine that is gone; a foreign one is never known to be."""
    place, _colon, rest = holder.partition(":")
    process, _colon, start = rest.partition(":")
    if place.rpartition("@")[2] != socket.gethostname() or not process.isdigit():
        return False
    return started_at(int(process)) != start and not works_on(int(process), start)


@contextlib.contextmanager
def at_work(process: int) -> Iterator[None]:
    """Say that something still writes for a playbook run, which may end before that: an interrupted run does.

    A lock on a file, which the kernel takes away with this process.
    """
    folder = _marks_of(process, started_at(process))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / str(os.getpid())).open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        try:
            yield
        finally:
            Path(mark.name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # others have marks there
                folder.rmdir()


def works_on(process: int, start: str) -> bool:
    """Whether something still writes for a playbook run."""
    return any(_is_locked(mark) for mark in _marks_of(process, start).glob("*"))


def _marks_of(process: int, start: str) -> Path:
    return Path(tempfile.gettempdir()) / f"slipway-{os.getuid()}" / f"{process}-{start}"


def _is_locked(mark: Path) -> bool:
    try:
        with mark.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


class Lock:
    """One item of the lock table."""

    def __init__(self, client: t.Any, request: Request) -> None:
        self._client = client
        self._request = request
        self._holder = holder_of(request["process"])
        self._since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

    def take(self) -> dict[str, t.Any]:
        """Take the lock, from a dead or expired holder too.

        :returns: ``{acquired: true}``, with ``already`` if this run has it and ``took_over`` if it was somebody's;
            ``{acquired: false, holder, since, reason}`` if it is held.
        """
        try:
            self._put("attribute_not_exists(LockID)", {})
            return {"acquired": True}
        except self._client.exceptions.ConditionalCheckFailedException:
            return self._take_from(self._read())

    def _take_from(self, item: dict[str, str]) -> dict[str, t.Any]:
        if not item:
            return self.take()  # freed in between
        if item["Holder"] == self._holder:
            return {"acquired": True, "already": True}
        expired = float(item["ExpiresAt"]) < time.time()
        if not expired and not is_dead(item["Holder"]):
            return {
                "acquired": False,
                "holder": item["Holder"],
                "since": item["Since"],
                "reason": item["Reason"],
            }
        try:
            self._put(
                "Holder = :old AND ExpiresAt = :at",
                {":old": {"S": item["Holder"]}, ":at": {"N": item["ExpiresAt"]}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self._take_from(self._read())
        return {
            "acquired": True,
            "took_over": {"holder": item["Holder"], "since": item["Since"], "expired": expired},
        }

    def renew(self) -> None:
        """Move the expiry; fails if somebody else has the lock."""
        self._put("Holder = :me", {":me": {"S": self._holder}})

    def free(self) -> None:
        """Give the lock back, if it is still ours."""
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(
                TableName=self._request["table"],
                Key={"LockID": {"S": self._request["key"]}},
                ConditionExpression="Holder = :me",
                ExpressionAttributeValues={":me": {"S": self._holder}},
            )

    def _put(self, condition: str, values: dict[str, t.Any]) -> None:
        self._client.put_item(
            TableName=self._request["table"],
            Item={
                "LockID": {"S": self._request["key"]},
                "Holder": {"S": self._holder},
                "Reason": {"S": self._request["reason"]},
                "Since": {"S": self._since},
                "ExpiresAt": {"N": str(int(time.time()) + LEASE_SECONDS)},
            },
            ConditionExpression=condition,
            **({"ExpressionAttributeValues": values} if values else {}),
        )

    def _read(self) -> dict[str, str]:
        answer = self._client.get_item(
            TableName=self._request["table"], Key={"LockID": {"S": self._request["key"]}}, ConsistentRead=True
        )
        return {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}


def take(connect: Callable[[], t.Any], request: Request) -> dict[str, t.Any]:
    """Take the lock and keep it in the background.

    :arg connect: makes the client.
    :returns: what came of it, as :meth:`Lock.take` has it; of what AWS refuses ``{acquired: false, error, message}``.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as in main

    start = started_at(request["process"])
    try:
        lock = Lock(connect(), request)
        answer = lock.take()
    except ClientError as error:
        return {"acquired": False, "error": error.response["Error"]["Code"], "message": str(error)}
    except BotoCoreError as error:
        return {"acquired": False, "error": type(error).__name__, "message": str(error)}
    if answer["acquired"] and not answer.get("already"):
        _keep_in_background(lock, request["process"], start)
    return answer


def _keep_in_background(lock: Lock, process: int, start: str) -> None:
    """Fork twice: the keeper is nobody's child, so who ends this process and its children does not end it."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            _go_on_in_background()
            keep(lock, process, start)
    finally:
        os._exit(0)


def keep(lock: Lock, process: int, start: str) -> None:
    """Renew until the process and what it left at work have ended, then free."""
    renewed = time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        poll = select.poll()
        poll.register(os.pidfd_open(process), select.POLLIN)
        while not poll.poll(RENEW_SECONDS * 1000):
            _renew(lock)
            renewed = time.monotonic()
    while works_on(process, start):
        time.sleep(POLL_SECONDS)
        if time.monotonic() - renewed > RENEW_SECONDS:
            _renew(lock)
            renewed = time.monotonic()
    lock.free()


def _renew(lock: Lock) -> None:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as in main

    # A passing fault costs nothing while the lease runs; a lost lock cannot be renewed anyway.
    with contextlib.suppress(BotoCoreError, ClientError):
        lock.renew()


def _go_on_in_background() -> None:
    """Let go of everything of the caller's, pipes and sockets above all: their other ends wait for them to close."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not files
        with contextlib.suppress(OSError):  # no socket, or the folder itself, which is closed by now
            with socket.socket(fileno=os.dup(int(name))) as probe:
                is_local = probe.family == socket.AF_UNIX
            if is_local:
                os.close(int(name))


def _ask(request: Request) -> dict[str, t.Any]:
    """Compare the account, then take the lock."""
    try:
        # converge imports this file, too, and needs no boto3, which takes a tenth of a second.
        import boto3  # noqa: PLC0415 - only where the lock is taken
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - with boto3
    except ImportError:
        sys.exit("the lock needs boto3 in the Python that runs Ansible")
    expected = request.get("account", "")
    try:
        found = boto3.client("sts").get_caller_identity()["Account"] if expected else ""
    except (BotoCoreError, ClientError) as error:
        return {"acquired": False, "error": type(error).__name__, "message": str(error)}
    if found != expected:
        return {"acquired": False, "account": found}
    return take(lambda: boto3.client("dynamodb"), request)


def main() -> None:
    """Take the lock, say how it went; a fork keeps it."""
    print(json.dumps(_ask(json.load(sys.stdin))), flush=True)


if __name__ == "__main__":
    main()
