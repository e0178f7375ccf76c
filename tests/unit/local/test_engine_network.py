"""The private engines' bridges: each its own network, and the last one to go leaves the machine as it was found."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.paths import ROOT

SCRIPT = ROOT / "roles/local/local_aws/files/engine_network.sh"
STATE = "cat /proc/sys/net/ipv4/ip_forward; iptables-save | grep -v '^#' | sed 's/ \\[.*//'; ip -brief -4 address"
# What an engine adds for its bridge, and what it adds for all.
ENGINE = """engine() {
    for chain in DOCKER DOCKER-USER; do iptables -w -N $chain 2>/dev/null || :; done
    iptables -w -A FORWARD -j DOCKER-USER
    iptables -w -A FORWARD -o $1 -j DOCKER
    iptables -w -A FORWARD -i $1 -o $1 -j ACCEPT
    iptables -w -t nat -A POSTROUTING -s $2 ! -o $1 -m comment --comment "of an engine" -j MASQUERADE
    iptables -w -P FORWARD DROP
    echo 1 >/proc/sys/net/ipv4/ip_forward
}
"""
MACHINE = f"""PATH=$PATH:/usr/sbin
mount -t tmpfs none /run
mount -t sysfs none /sys
iptables -w -P FORWARD ACCEPT
iptables -w -t nat -P POSTROUTING ACCEPT
up() {{ {SCRIPT} up $1 $1.mark 10.9.0.1/24 10.9.1.1/24; }}
down() {{ {SCRIPT} down $1 $1.mark; }}
"""


def on_a_machine(script: str, folder: Path) -> list[str]:
    """Run a script in networks and a /run of its own, and return what it printed between lines that say ---."""
    finished = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-euc", f"{MACHINE}{ENGINE}{script}"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split("---\n")


def test_the_last_engine_leaves_the_machine_as_it_was_found(tmp_path: Path) -> None:
    before, first_gone, _said, after = on_a_machine(
        f"""{STATE}; echo ---
        up one; engine one 10.9.0.0/24; up two; engine two 10.9.1.0/24
        down one >/dev/null; {STATE}; echo ---
        down two; echo ---
        {STATE}""",
        tmp_path,
    )
    assert after == before
    assert "-A FORWARD -i two -o two -j ACCEPT" in first_gone
    assert "10.9.1.0/24" in first_gone
    assert "one" not in first_gone
    assert ":FORWARD DROP" in first_gone


def test_engines_get_different_networks_and_none_where_all_are_taken(tmp_path: Path) -> None:
    (shown,) = on_a_machine(
        "up one; up two; up one; ip -brief -4 address; up three 2>&1 || echo refused",
        tmp_path,
    )
    assert "10.9.0.1/24" in next(line for line in shown.splitlines() if line.startswith("one"))
    assert "10.9.1.1/24" in next(line for line in shown.splitlines() if line.startswith("two"))
    assert "each of these networks is taken: 10.9.0.1/24 10.9.1.1/24" in shown
    assert shown.endswith("refused\n")


def test_what_is_not_up_is_not_taken_down(tmp_path: Path) -> None:
    (shown,) = on_a_machine("down one; up one; down one; down one", tmp_path)
    assert shown == "removed\n"


def test_an_engine_that_a_restart_of_the_machine_has_ended_is_taken_down(tmp_path: Path) -> None:
    (shown,) = on_a_machine("touch one.mark; down one; ls", tmp_path)
    assert shown == "removed\n"


def test_where_no_engine_was_down_does_nothing_and_needs_no_root(tmp_path: Path) -> None:
    lowered = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    finished = subprocess.run(
        [*lowered, str(SCRIPT), "down", "slipwaynone", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
