# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Functions that each run as a user of their own who may do nothing, where MiniStack runs as root.

MiniStack starts them as processes of its own user, with its environment and its Python. They get what Lambda's Python
brings besides itself, in a folder that everybody may read: the virtualenv may be in somebody's home. Nobody but a
function can read its code, or the key in its environment.
"""

from __future__ import annotations

import compileall
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

LAMBDA_BRINGS = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
# The numbers that systemd keeps for users without a name: https://systemd.io/UIDS-GIDS/
NAMELESS = range(61184, 65520)
# Of the gateway's own variables; the rest may be secrets of whoever started it.
HANDED_DOWN = {"PATH", "LANG", "LC_ALL", "TZ", "GATEWAY_PORT"}

users: dict[str, int] = {}
one_at_a_time = threading.Lock()


def install() -> None:
    """From now on start functions as users of their own; does nothing unless this is root."""
    if os.geteuid() != 0:
        return
    brought = Path(tempfile.gettempdir(), "python")
    copy_packages(brought)
    try_out(user_of(""), brought)
    started = types.SimpleNamespace(**vars(subprocess))

    def start(command: Sequence[str], *, cwd: str, env: dict[str, str], **options: Any) -> Any:
        user = user_of(env["AWS_LAMBDA_FUNCTION_NAME"])
        hand_over(folder_of(cwd), user)
        return subprocess.Popen(lowered(command, user), cwd=cwd, env=cleaned(env, brought), **options)

    def run(command: Sequence[str], *, cwd: str, env: dict[str, str], **options: Any) -> Any:
        user = user_of(env["AWS_LAMBDA_FUNCTION_NAME"])
        hand_over(folder_of(cwd), user)
        return subprocess.run(lowered(command, user), cwd=cwd, env=cleaned(env, brought), check=False, **options)

    started.Popen, started.run = start, run
    lambda_runtime.subprocess = lambda_svc.subprocess = started


def user_of(function: str) -> int:
    """The number of the user, and of the group, that a function runs as until the gateway ends."""
    with one_at_a_time:
        if function not in users:
            users[function] = next(
                number for number in NAMELESS if number not in users.values() and not is_known(number)
            )
        return users[function]


def is_known(number: int) -> bool:
    """Whether somebody has a number."""
    try:
        pwd.getpwuid(number)
    except KeyError:
        return False
    return True


def try_out(user: int, brought: Path) -> None:
    """Stop here if a user cannot run Python, instead of failing with every function."""
    command = lowered([sys.executable, "-c", "import boto3"], user)
    ran = subprocess.run(command, env=cleaned({}, brought), cwd="/", capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(
            f"Functions run as users without a name, who cannot run {sys._base_executable}: {ran.stderr.strip()} "
            "Make .venv with a Python that everybody may run, such as /usr/bin/python3.11: PYTHON=… make .venv"
        )


def copy_packages(target: Path) -> None:
    """Copy what Lambda's Python brings, compiled, since its readers cannot write there."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in LAMBDA_BRINGS:
        found = importlib.util.find_spec(name)
        origin = Path(found.origin) if found and found.origin else None
        if origin is None:
            raise SystemExit(f"{name} is not installed, which every function may import.")
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, target / name)
        else:
            shutil.copy2(origin, target)
    compileall.compile_dir(target, quiet=2)
    for path in (target, *below(target)):
        path.chmod(0o755 if path.is_dir() else 0o644)


def folder_of(code: str) -> Path:
    """The temporary folder that a function's code is in."""
    above = Path(tempfile.gettempdir())
    return above / Path(code).relative_to(above).parts[0]


def hand_over(folder: Path, group: int) -> None:
    """Let a group read a folder, and nobody write to it."""
    for path in (folder, *below(folder)):
        os.chown(path, -1, group, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o750 if path.is_dir() or path.stat().st_mode & 0o100 else 0o640)


def below(folder: Path) -> Iterator[Path]:
    """All that is in a folder."""
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))


def lowered(command: Sequence[str], user: int) -> list[str]:
    """The command as a user without groups and capabilities, who cannot get them again."""
    python = [sys._base_executable if command[0] == sys.executable else command[0]]  # type: ignore[attr-defined]
    return [
        "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs",
        "--inh-caps=-all", "--bounding-set=-all", *python, *command[1:],
    ]  # fmt: skip


def cleaned(environment: dict[str, str], brought: Path) -> dict[str, str]:
    """A function's own variables."""
    own = {name: value for name, value in environment.items() if name in HANDED_DOWN or os.environ.get(name) != value}
    return {**own, "PYTHONPATH": str(brought), "HOME": "/tmp", "TMPDIR": "/tmp"}  # noqa: S108  # as on Lambda
