"""Two runs at once: one writes, the other is told who does."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support import system
from tests.support.paths import ROOT


def test_of_two_deployers_at_once_one_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with system.emulated() as environment:
        store = {"name": "Store", "slipway.graph.converge": {"roles": ["store"]}}
        system.play(tmp_path, environment, {"tasks": [store]})
        with ThreadPoolExecutor() as pool:
            runs = [pool.submit(_site, tmp_path / str(number), environment) for number in range(2)]
        codes, outputs = zip(*(run.result() for run in runs), strict=True)
        assert sorted(codes) == [0, 2], "\n".join(outputs)
        refused = " ".join(outputs[codes.index(2)].split())
        assert re.search(rf"{system.HOST} is locked by \S+@\S+ since \S+ \(site\)", refused), refused
        # It is free again: nobody waits for a lease to run out.
        assert _site(tmp_path / "again", environment)[0] == 0


def _site(folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    ran = system.playbook_run(ROOT / "site.yml", environment, arguments=("-e", f"system_run_directory={folder}"))
    return ran.returncode, ran.stdout + ran.stderr
