"""Releases of the real system: good ones serve, bad ones never do, and there is a way back."""

from __future__ import annotations

import pytest

from tests.delivery.releases import NAME, QUICKLY, System, asked_all_the_time, assert_never_served

# Enough to see a bad one die or stay silent; the defaults allow for what Fargate needs to start a task.
PATIENCE = ("-e", "ecs_services_rehearsal_timeout=20", "-e", "rollout_timeout=60", "-e", "rollout_grace_seconds=5")


def test_a_delivered_release_serves_and_is_marked_good(system: System) -> None:
    release = system.current()
    assert release["status"] == "good"
    assert system.version()["commit"] == release["commit"]
    assert len(system.containers()) == 2


def test_the_status_is_what_serves(system: System) -> None:
    said = " ".join(system.succeed("playbooks/status.yml").split())
    release = system.current()
    assert f"{NAME}: release {release['id']} (good), in service since" in said
    assert "NOT WHAT THE RELEASE HAS" not in said
    assert f"service {NAME}-api: 2 of 2 tasks" in said
    assert said.count(" RUNNING ") == 2
    assert f"function {NAME}-rotation: version" in said
    assert all(line in said for line in ("drift: none", "waiting to be applied: nothing", "lock: free"))
    status = system.status()
    assert (status["release"], status["rolling_out"], status["drift"]) == (release["id"], {}, [])
    assert status["by"].startswith("arn:")


def test_the_status_says_that_something_else_serves(system: System) -> None:
    pointer = f"releases/{NAME}/current.json"
    before = system.read(pointer)
    other = system.record("other", images={"api": f"registry.example/api@sha256:{'0' * 64}"})
    begun = {"id": other, "since": "2026-01-01T00:00:00+00:00", "by": "arn:somebody"}
    system.write(pointer, {**before, "id": other, "rolling_out": begun})
    try:
        said = " ".join(system.succeed("playbooks/status.yml", "-e", "status_drift=false").split())
    finally:
        system.write(pointer, before)
        system.forget(other)
    assert "NOT WHAT THE RELEASE HAS: api, rotation" in said
    assert f"A ROLL-OUT OF {other} WAS CUT OFF, begun 2026-01-01T00:00:00+00:00 by arn:somebody" in said
    assert "drift: not looked for" in said


def test_a_plan_after_a_delivery_has_nothing_to_change(system: System) -> None:
    assert "Plan: 0 to change" in system.succeed("playbooks/site.yml", "--check")


@pytest.mark.parametrize(
    ("kind", "last_line"),
    [
        ("does-not-start", "the configuration is broken"),
        ("dies-after-five-seconds", "out of luck after five seconds"),
        ("wrong-port", "Serving HTTP on"),
        ("failing-migration", "no such table: ledger"),
    ],
)
def test_a_bad_image_never_serves_and_says_why(system: System, kind: str, last_line: str) -> None:
    containers = system.containers()
    assert_never_served(system, kind, last_line, *PATIENCE)
    assert system.containers() == containers


def test_after_bad_releases_a_plan_has_nothing_to_change(system: System) -> None:
    assert "Plan: 0 to change" in system.succeed("playbooks/site.yml", "--check")


def test_a_release_that_does_not_exist_is_refused_with_those_that_do(system: System) -> None:
    before = system.current()
    ran = system.play("playbooks/rollout.yml", "-e", "release=v0")
    assert ran.returncode != 0
    assert f"{NAME} has no release 'v0'" in ran.stdout
    assert max(map(release_id, system.releases())) in ran.stdout
    assert system.version()["commit"] == before["commit"]


def release_id(key: str) -> str:
    return key.rsplit("/", 1)[-1].removesuffix(".json")


def test_an_image_that_does_not_exist_never_serves(system: System) -> None:
    before = system.current()
    repository = before["images"]["api"].split("@")[0]
    images = {**before["images"], "api": f"{repository}@sha256:{'0' * 64}"}
    system.record("no-image", images=images, functions=before["functions"])
    with asked_all_the_time(system) as answers:
        ran = system.play("playbooks/rollout.yml", "-e", "release=no-image", *PATIENCE)
    assert ran.returncode != 0
    assert "unable to pull" in ran.stdout or "CannotPull" in ran.stdout
    assert answers.failures == []
    assert system.current() == before


def test_a_good_release_by_its_commit_and_the_way_back(system: System) -> None:
    before = system.current()
    after = system.make_release("good", "second")
    with asked_all_the_time(system) as answers:
        system.succeed("playbooks/rollout.yml", "-e", "release=second", *PATIENCE)
    assert answers.commits == {before["commit"], "second"}
    assert answers.failures == []
    assert system.version()["commit"] == "second"
    assert system.current()["id"] == after

    system.succeed("playbooks/rollback.yml", *QUICKLY)
    assert system.version()["commit"] == before["commit"]
    assert system.current() == before
    assert "Plan: 0 to change" in system.succeed("playbooks/site.yml", "--check")

    ran = system.play("playbooks/rollback.yml", *QUICKLY)
    assert ran.returncode != 0
    assert "no good release older" in ran.stdout

    system.succeed("playbooks/rollback.yml", "-e", f"release={after}", *QUICKLY)
    assert system.version()["commit"] == "second"
