"""Rule 7: what a module does besides its calls to AWS is stopped in a plan before it happens."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

# A hook of Python's cannot be taken out again, so each case has a process of its own.
PROGRAM = """
import json, os, pathlib, shutil, socket, subprocess, sys, tempfile, urllib.request
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.local_effects import Guard

class Stopped(BaseException):
    pass

def stop(operation, parameters):
    seen.append([operation, parameters])
    raise Stopped

seen = []
guard = Guard(stop)
os.chdir(sys.argv[1])
guard.arm()
try:
    exec(sys.argv[2])
except Stopped:
    pass
finally:
    guard.disarm()
open("afterwards", "w").close()
print(json.dumps(seen))
"""


def effects(folder: Path, code: str) -> list[list[object]]:
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), code],
        env={"PYTHONPATH": str(ROOT / "collections"), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seen: list[list[object]] = json.loads(finished.stdout)
    return seen


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "there").write_text("before")
    (tmp_path / "folder").mkdir()
    (tmp_path / "module_to_import.py").write_text("value = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("code", "operation"),
    [
        ("open('made', 'w')", "WriteFile"),
        ("open('there', 'a')", "WriteFile"),
        ("open('there', 'r+')", "WriteFile"),
        ("pathlib.Path('made').write_text('x')", "WriteFile"),
        ("os.open('made', os.O_CREAT | os.O_WRONLY)", "WriteFile"),
        ("os.truncate('there', 0)", "WriteFile"),
        ("os.rename('there', 'made')", "WriteFile"),
        ("os.symlink('there', 'made')", "WriteFile"),
        ("os.link('there', 'made')", "WriteFile"),
        ("shutil.copy('there', 'made')", "WriteFile"),
        ("os.remove('there')", "DeleteFile"),
        ("shutil.rmtree('folder')", "DeleteFolder"),
        ("os.makedirs('made/deep')", "MakeFolder"),
        ("os.chmod('there', 0o777)", "ChangeFile"),
        ("os.utime('there', (0, 0))", "ChangeFile"),
        ("subprocess.run(['touch', 'made'])", "RunProgram"),
        ("os.system('touch made')", "RunProgram"),
        ("os.posix_spawn('/bin/touch', ['touch', 'made'], {})", "RunProgram"),
        ("os.execv('/bin/touch', ['touch', 'made'])", "RunProgram"),
        ("os.kill(os.getppid(), 0)", "SendSignal"),
        ("urllib.request.urlopen('http://127.0.0.1:9')", "Connect"),
        ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))", "Connect"),
        ("exec(\"open('made', 'w')\", {'__name__': 's3transfer.utils'})", "WriteFile"),
    ],
)
def test_rule_07_an_effect_is_stopped_before_it_happens(folder: Path, code: str, operation: str) -> None:
    before = {path: path.stat() for path in folder.rglob("*")}
    ((seen, _what),) = effects(folder, code)
    assert seen == operation
    after = {path: path.stat() for path in folder.rglob("*") if path.name != "afterwards"}
    assert {path: (each.st_mode, each.st_size, each.st_mtime) for path, each in before.items() if path != folder} == {
        path: (each.st_mode, each.st_size, each.st_mtime) for path, each in after.items()
    }


@pytest.mark.parametrize(
    "code",
    [
        "open('there').read()",
        "list(os.scandir('.')); os.stat('there')",
        "open(os.devnull, 'w').write('x')",
        "with tempfile.TemporaryDirectory() as name: open(name + '/part', 'w').write('x')",
        "with tempfile.NamedTemporaryFile() as file: file.write(b'x')",
        "sys.path.insert(0, '.'); import module_to_import",
        "exec(\"open('login', 'w')\", {'__name__': 'botocore.utils'})",
    ],
)
def test_rule_07_what_only_reads_or_is_its_own_business_passes(folder: Path, code: str) -> None:
    assert effects(folder, code) == []
