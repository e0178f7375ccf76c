# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes a lock in DynamoDB, renews it while a process lives, and frees it when that process ends, however it ends.

The lock has to outlast the task that takes it and must not outlast the playbook run, so a process of its own keeps it.
A lock that somebody else holds is judged by watching it: whoever holds it changes its item with each renewal, and what
stays the same for a whole lease by our own clock is held by nobody. A holder's clock never says that a lock is free.

The keeper tells the run of its lock by a small file, the heart (see :mod:`lock_heart`).

As a program, which needs the collections in ``PYTHONPATH`` (:data:`COLLECTIONS`), it reads one JSON request from
standard input, answers one JSON line on standard output, and goes on in the background.
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
import stat
import sys
import tempfile
import time
import typing as t
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from ansible_collections.slipway.graph.plugins.module_utils.lock_heart import is_held, loss, now, packed

# Tests shorten it. Who watches a lock waits for its holder's lease if that is longer.
LEASE_SECONDS = float(os.environ.get("SLIPWAY_LOCK_LEASE_SECONDS") or 60)
RENEW_SECONDS = LEASE_SECONDS / 3
POLL_SECONDS = 0.2
# Where this collection is imported from.
COLLECTIONS = Path(__file__).parents[6]

# As DynamoDB has it: a type and a value for each attribute.
Item = dict[str, dict[str, str]]


class Request(t.TypedDict):
    """``process`` is the one whose life the lock shares; ``account``, unless empty, whose credentials it must be.

    ``folder`` is the run's :func:`private_folder`, as the environment of a task may name another one. ``seen`` is
    somebody's item that has not changed for ``seen_for`` seconds.
    """

    table: str
    key: str
    reason: str
    process: int
    account: t.NotRequired[str]
    folder: t.NotRequired[str]
    seen: t.NotRequired[Item]
    seen_for: t.NotRequired[float]


def started_at(process: int) -> str:
    """What tells a process from a later one with the same number; empty if it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def holder_of(process: int) -> str:
    """The name a run holds its locks under."""
    return f"{getpass.getuser()}@{socket.gethostname()}:{process}:{started_at(process)}"


def place_of(folder: Path) -> str:
    """Where numbers of processes and marks mean the same: a boot, a namespace of processes, a user, a folder of marks.

    Names of hosts do not tell: containers and virtual machines often share one. Empty where the kernel does not tell.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()} {os.getuid()} {folder}"
    except OSError:
        return ""


def is_dead(holder: str, place: str, folder: Path) -> bool:
    """Whether a holder was a process that is certainly gone; one of another place is never known to be."""
    _name, _colon, rest = holder.partition(":")
    process, _colon, start = rest.partition(":")
    if not place or place != place_of(folder) or not process.isdigit():
        return False
    return started_at(int(process)) != start and not works_on(int(process), start, folder)


def private_folder() -> Path:
    """A folder for marks and hearts in which nobody else can write.

    :raises OSError: where there is none.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and _is_private(Path(runtime)):
        return _made_private(Path(runtime) / "slipway")
    with contextlib.suppress(OSError, RuntimeError):  # no home, or one that is read-only
        cache = Path.home() / ".cache"
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.access(cache, os.W_OK):
            return _made_private(cache / "slipway")
    return _made_private(Path(tempfile.gettempdir()) / f"slipway-{os.getuid()}")


def _is_private(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == 0o700
    return False


def _made_private(folder: Path) -> Path:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise UnsafeFolderError(f"{folder} must be a folder of yours, no link, in which nobody else can write")
    return folder


class UnsafeFolderError(Exception):
    """Somebody else could put files where ours are. No ``OSError``, for which another folder would be taken."""


@contextlib.contextmanager
def at_work(process: int) -> Iterator[None]:
    """Say that something still writes for a playbook run, which may end before that: an interrupted run does.

    A lock on a file, which the kernel takes away with this process.
    """
    folder = _marks_of(process, started_at(process), private_folder())
    mark = folder / str(os.getpid())
    descriptor = _opened_mark(folder, mark)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        mark.unlink(missing_ok=True)
        os.close(descriptor)
        with contextlib.suppress(OSError):  # others have marks there
            folder.rmdir()


def _opened_mark(folder: Path, mark: Path) -> int:
    while True:
        with contextlib.suppress(FileNotFoundError):  # the last of the others has just taken the folder away
            _made_private(folder)
            return os.open(mark, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def works_on(process: int, start: str, folder: Path) -> bool:
    """Whether something still writes for a playbook run."""
    return any(_is_locked(mark) for mark in _marks_of(process, start, folder).glob("*"))


def _marks_of(process: int, start: str, folder: Path) -> Path:
    return folder / f"{process}-{start}"


def _is_locked(mark: Path) -> bool:
    try:
        descriptor = os.open(mark, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # gone, or no mark
        return False
    try:
        return is_held(descriptor)
    finally:
        os.close(descriptor)


class Heart:
    """The file that says until when a lock is surely held; locked by the keeper as long as that lives."""

    def __init__(self, path: Path, key: str, deadline: float) -> None:
        self.path = path
        self._key = key
        new = path.with_suffix(".new")
        self._descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._write(deadline, "")
        new.rename(path)  # nobody finds it before it is whole

    def beat(self, deadline: float) -> None:
        """The lock has been renewed."""
        self._write(deadline, "")

    def stop(self, why: str) -> None:
        """The lock is lost."""
        self._write(0.0, why)

    def let_go(self) -> None:
        """Leave it to the keeper, a fork, which has the kernel's lock on it as well."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Nobody is left who could ask."""
        self.path.unlink(missing_ok=True)

    def _write(self, deadline: float, why: str) -> None:
        # At once, so that nobody reads half of it.
        os.pwrite(self._descriptor, packed(deadline, self._key, why), 0)


def heart_of(process: int, taken: str, folder: Path) -> Path:
    """Where the heart of a lock is."""
    return folder / f"{process}-{started_at(process)}.{taken}.lock"


def hearts_of(process: int) -> list[str]:
    """The hearts of the locks that a run has taken."""
    return sorted(str(each) for each in private_folder().glob(f"{process}-{started_at(process)}.*.lock"))


class Lock:
    """One item of the lock table."""

    def __init__(self, client: t.Any, request: Request) -> None:
        self._client = client
        self._request = request
        self.folder = Path(request.get("folder") or private_folder())
        self._taken = uuid.uuid4().hex
        self._holder = holder_of(request["process"])
        self._place = place_of(self.folder)
        self._since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

    @property
    def heart(self) -> Path:
        """Where this lock's heart is to be."""
        return heart_of(self._request["process"], self._taken, self.folder)

    def take(self) -> dict[str, t.Any]:
        """Take the lock, from a holder that is gone too.

        :returns: ``{acquired: true}``, with ``already`` if this run has it and ``took_over`` if it was somebody's;
            ``{acquired: false, holder, since, reason}`` if it is held, with ``watch``, the item, and ``lease`` as long
            as it may be that its holder no longer lives.
        """
        try:
            self._put("attribute_not_exists(LockID)")
            return {"acquired": True}
        except self._client.exceptions.ConditionalCheckFailedException:
            return self._take_from(self._read())

    def _take_from(self, item: Item) -> dict[str, t.Any]:
        if not item:
            return self.take()  # freed in between
        if _value(item, "Taken") == self._taken:
            return {"acquired": True}  # the answer was lost, and the client has asked again
        if (_value(item, "Holder"), _value(item, "Place")) == (self._holder, self._place):
            return self._take_again(item)
        gone = is_dead(_value(item, "Holder"), _value(item, "Place"), self.folder)
        lease = max(LEASE_SECONDS, float(_value(item, "Lease") or 0))
        seen = self._request.get("seen")
        if not gone and (item != seen or self._request.get("seen_for", 0.0) < lease):
            told = {"holder": _value(item, "Holder"), "since": _value(item, "Since"), "reason": _value(item, "Reason")}
            is_worth_it = item == seen if seen else not _says_that_it_lives(item, lease)
            watch = {"watch": item, "lease": lease} if is_worth_it else {}
            return {"acquired": False, **told, **watch}
        took_over = {"holder": _value(item, "Holder"), "since": _value(item, "Since"), "expired": not gone}
        return self._replace(item, {"acquired": True, "took_over": took_over})

    def _take_again(self, item: Item) -> dict[str, t.Any]:
        """This run has the lock; if nobody renews it any more, somebody has to."""
        old = heart_of(self._request["process"], _value(item, "Taken"), self.folder)
        if not loss(str(old)):
            return {"acquired": True, "already": True, "heart": str(old)}
        answer = self._replace(item, {"acquired": True})
        old.unlink(missing_ok=True)
        return answer

    def _replace(self, item: Item, answer: dict[str, t.Any]) -> dict[str, t.Any]:
        try:
            self._put_over(item)
        except self._client.exceptions.ConditionalCheckFailedException:
            return self._take_from(self._read())
        return answer

    def renew(self) -> None:
        """Change the item, which shows that we live; fails if somebody else has the lock."""
        self._put_over({"Taken": {"S": self._taken}})

    def holder_now(self) -> str:
        """What became of a lock that could not be renewed."""
        item = self._read()
        if not item:
            return "it is no longer in the table"
        return f"{_value(item, 'Holder')} has it since {_value(item, 'Since')} ({_value(item, 'Reason')})"

    def free(self) -> None:
        """Give the lock back, if it is still ours."""
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(
                TableName=self._request["table"],
                Key={"LockID": {"S": self._request["key"]}},
                ConditionExpression="Taken = :taken",
                ExpressionAttributeValues={":taken": {"S": self._taken}},
            )

    def _put_over(self, item: Item) -> None:
        """Put ours if the item is still as it was seen."""
        names = sorted(set(item) - {"LockID"})
        self._put(
            " AND ".join(f"#n{number} = :v{number}" for number in range(len(names))),
            ExpressionAttributeNames={f"#n{number}": name for number, name in enumerate(names)},
            ExpressionAttributeValues={f":v{number}": item[name] for number, name in enumerate(names)},
        )

    def _put(self, condition: str, **values: t.Any) -> None:
        self._client.put_item(
            TableName=self._request["table"],
            Item={
                "LockID": {"S": self._request["key"]},
                "Holder": {"S": self._holder},
                "Place": {"S": self._place},
                "Reason": {"S": self._request["reason"]},
                "Since": {"S": self._since},
                "Taken": {"S": self._taken},
                # Another one each time: who watches sees that we live.
                "Renewal": {"S": uuid.uuid4().hex},
                "Lease": {"N": f"{LEASE_SECONDS:g}"},
                # For people, for earlier versions, and for refusing at once.
                "ExpiresAt": {"N": str(int(time.time() + LEASE_SECONDS))},
            },
            ConditionExpression=condition,
            **values,
        )

    def _read(self) -> Item:
        answer = self._client.get_item(
            TableName=self._request["table"], Key={"LockID": {"S": self._request["key"]}}, ConsistentRead=True
        )
        return t.cast("Item", answer.get("Item", {}))


def _says_that_it_lives(item: Item, lease: float) -> bool:
    """Whether a lock has been renewed within its lease by its holder's clock, which is enough to refuse at once.

    It is never enough to take a lock over, and a clock that is far off only makes us watch.
    """
    return 0 < float(_value(item, "ExpiresAt") or 0) - time.time() <= lease


def _value(item: Item, name: str) -> str:
    return next(iter(item.get(name, {}).values()), "")


def take(connect: Callable[[], t.Any], request: Request) -> dict[str, t.Any]:
    """Take the lock and keep it in the background.

    :arg connect: makes the client.
    :returns: what came of it, as :meth:`Lock.take` has it; of what AWS refuses ``{acquired: false, error, message}``.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as in main

    start = started_at(request["process"])
    try:
        lock = Lock(connect(), request)
        deadline = now() + LEASE_SECONDS
        answer = lock.take()
    except ClientError as error:
        return {"acquired": False, "error": error.response["Error"]["Code"], "message": str(error)}
    except BotoCoreError as error:
        return {"acquired": False, "error": type(error).__name__, "message": str(error)}
    if answer["acquired"] and not answer.get("already"):
        try:
            heart = Heart(lock.heart, request["key"], deadline)
        except OSError as error:
            lock.free()
            return {"acquired": False, "error": type(error).__name__, "message": str(error)}
        answer["heart"] = str(heart.path)
        _keep_in_background(lock, heart, request["process"], start)
    return answer


def _keep_in_background(lock: Lock, heart: Heart, process: int, start: str) -> None:
    """Fork twice: the keeper is nobody's child, so who ends this process and its children does not end it."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        heart.let_go()
        return
    try:
        if os.fork() == 0:
            _go_on_in_background()
            keep(lock, heart, _turns(process, start, lock.folder))
    finally:
        os._exit(0)


def keep(lock: Lock, heart: Heart, turns: Iterator[None]) -> None:
    """Renew until the process and what it left at work have ended, then free.

    :arg turns: comes to an end with them; each turn is a time to renew.
    """
    is_lost = False
    for _turn in turns:
        is_lost = is_lost or not _renew(lock, heart)
    heart.remove()
    lock.free()


def _turns(process: int, start: str, folder: Path) -> Iterator[None]:
    with contextlib.suppress(ProcessLookupError):
        poll = select.poll()
        poll.register(os.pidfd_open(process), select.POLLIN)
        while not poll.poll(RENEW_SECONDS * 1000):
            yield
    turned = now()
    while works_on(process, start, folder):
        time.sleep(POLL_SECONDS)
        if now() - turned > RENEW_SECONDS:
            yield
            turned = now()


def _renew(lock: Lock, heart: Heart) -> bool:
    """Renew once; false if the lock is lost."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as in main

    # From before it is sent: whoever watches the item sees it change later than that.
    deadline = now() + LEASE_SECONDS
    try:
        lock.renew()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            return True  # a passing fault costs nothing while the lease runs
        heart.stop("somebody else has it")  # at once, before anything is asked
        with contextlib.suppress(BotoCoreError, ClientError):
            heart.stop(lock.holder_now())
        return False
    except BotoCoreError:
        return True
    heart.beat(deadline)
    return True


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
