"""slipway.aws.release and release_info: the ledger."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from ansible_collections.slipway.aws.plugins.modules import release
from tests.support.modules import REGION, Client, Run, runner

BUCKET, NAME = "ledger", "shop-prod"


def image(digit: str) -> dict[str, str]:
    return {"api": f"registry/api@sha256:{digit * 64}"}


def package(digit: str) -> dict[str, dict[str, str]]:
    digest = digit * 64
    return {"api": {"bucket": "code", "key": f"functions/api/{digest}.zip", "sha256": digest}}


@pytest.fixture(autouse=True)
def s3(in_moto: Client) -> Any:
    client = in_moto("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count()

    clock = Mock(spec=datetime)
    clock.now = lambda zone: datetime(2026, 1, 1, tzinfo=zone) + timedelta(seconds=next(seconds))
    monkeypatch.setattr(release, "datetime", clock)


@pytest.fixture
def write(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("release", capsys, bucket=BUCKET, name=NAME)


@pytest.fixture
def read(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("release_info", capsys, bucket=BUCKET, name=NAME)


def test_a_bucket_that_does_not_exist_holds_no_release(read: Run) -> None:
    result = read(bucket="nowhere")
    assert (result["release"], result["current_id"], result["releases"]) == ({}, "", [])


def test_a_new_release_is_built_and_not_in_service(write: Run, read: Run) -> None:
    result = write(commit="aaa", images=image("1"))
    assert result["changed"]
    assert result["release"]["id"] == "20260101T000000Z-aaa"
    assert result["release"]["status"] == "built"
    assert read()["release"] == {}
    assert read(release="aaa")["release"] == result["release"]
    assert read(release="any")["release"] == result["release"]


def test_the_same_commit_and_images_are_the_same_release(write: Run, read: Run) -> None:
    first = write(commit="aaa", images=image("1"))
    again = write(commit="aaa", images=image("1"))
    assert not again["changed"]
    assert again["release"] == first["release"]
    other = write(commit="aaa", images=image("2"))
    assert other["changed"]
    assert read(release="aaa")["release"]["id"] == other["release"]["id"]


def test_functions_are_part_of_what_a_release_is(write: Run, read: Run) -> None:
    first = write(commit="aaa", functions=package("1"))["release"]
    assert (first["images"], first["functions"]) == ({}, package("1"))
    assert not write(commit="aaa", functions=package("1"))["changed"]
    assert write(commit="aaa", functions=package("2"))["changed"]
    assert write(commit="aaa", images=image("1"), functions=package("2"))["changed"]
    assert len(read()["releases"]) == 3


def test_a_release_from_before_functions_were_known_is_found_again(write: Run, s3: Any) -> None:
    old = {key: value for key, value in write(commit="aaa", images=image("1"))["release"].items() if key != "functions"}
    s3.put_object(Bucket=BUCKET, Key=f"releases/{NAME}/{old['id']}.json", Body=json.dumps(old))
    again = write(commit="aaa", images=image("1"))
    assert (again["changed"], again["release"]) == (False, old)
    assert write(id=old["id"], status="good")["release"] == {**old, "status": "good"}


def test_marking_is_idempotent_and_names_what_is_in_service(write: Run, read: Run) -> None:
    new = write(commit="aaa", images=image("1"))["release"]["id"]
    assert write(id=new, status="good", current=True)["changed"]
    assert not write(id=new, status="good", current=True)["changed"]
    assert read()["current_id"] == new
    assert read()["release"]["status"] == "good"


def test_what_has_been_good_does_not_become_failed(write: Run) -> None:
    new = write(commit="aaa", images=image("1"))["release"]["id"]
    write(id=new, status="good")
    assert write(id=new, status="failed")["release"]["status"] == "good"


def test_last_good_is_older_than_the_one_in_service(write: Run, read: Run) -> None:
    ids = [write(commit=commit, images=image("1"))["release"]["id"] for commit in ("a", "b", "c", "d")]
    for good in (ids[0], ids[2], ids[3]):
        write(id=good, status="good")
    write(id=ids[1], status="failed")
    write(id=ids[2], current=True)
    assert read()["last_good"]["id"] == ids[0]
    write(id=ids[0], current=True)
    assert read()["last_good"] == {}


def test_check_mode_writes_nothing(write: Run, read: Run) -> None:
    assert write(check=True, commit="aaa", images=image("1"))["changed"]
    assert read()["releases"] == []


def test_an_unknown_release_is_refused_with_those_that_are_known(write: Run, read: Run) -> None:
    known = write(commit="aaa", images=image("1"))["release"]["id"]
    result = read(release="zzz")
    assert result["failed"]
    assert "'zzz'" in result["msg"]
    assert known in result["msg"]
    assert write(id="zzz", status="good")["failed"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"commit": "a b", "images": image("1")}, "commit is 'a b'"),
        ({"commit": "aaa", "images": {}}, "images and functions are empty"),
        ({"commit": "aaa", "functions": {"api": "code/api.zip"}}, "functions.api is 'code/api.zip'"),
        ({"commit": "aaa", "functions": {"api": {"bucket": "code", "key": "api.zip"}}}, "functions.api is {"),
        ({"commit": "aaa", "functions": {"api": {**package("1")["api"], "sha256": "abc"}}}, "64 hexadecimal digits"),
        ({"commit": "aaa", "images": {"api": "registry/api:latest"}}, "images.api is 'registry/api:latest'"),
    ],
)
def test_what_cannot_be_rolled_out_is_refused(write: Run, options: dict[str, Any], named: str) -> None:
    result = write(**options)
    assert result["failed"]
    assert named in result["msg"]


def test_who_put_a_release_into_service_and_when_is_remembered(write: Run, read: Run) -> None:
    new = write(commit="aaa", images=image("1"))["release"]["id"]
    write(id=new, status="good", current=True)
    first = read()
    assert first["since"] == "2026-01-01T00:00:01+00:00"
    assert first["by"].startswith("arn:aws:")
    write(id=new, status="good", current=True)
    assert (read()["since"], read()["by"]) == (first["since"], first["by"])


def test_a_roll_out_that_has_begun_is_told_until_a_release_is_in_service(write: Run, read: Run) -> None:
    old, new = (write(commit=commit, images=image("1"))["release"]["id"] for commit in ("a", "b"))
    write(id=old, current=True)
    since = read()["since"]
    assert write(id=new, begins=True)["changed"]
    assert (read()["current_id"], read()["rolling_out"]["id"], read()["since"]) == (old, new, since)
    assert write(id=old, current=True)["changed"]
    assert (read()["current_id"], read()["rolling_out"], read()["since"]) == (old, {}, since)


def test_what_served_without_a_proof_is_no_release_to_go_back_to(write: Run, read: Run) -> None:
    ids = [write(commit=commit, images=image("1"))["release"]["id"] for commit in ("a", "b", "c")]
    write(id=ids[0], status="good", current=True)
    assert write(id=ids[1], status="unproven", current=True)["release"]["status"] == "unproven"
    write(id=ids[2], status="good", current=True)
    assert read()["last_good"]["id"] == ids[0]
    assert write(id=ids[0], status="unproven")["release"]["status"] == "good"


@pytest.mark.parametrize("body", ['{"id": "x', "[]", '{"id": "20251231T000000Z-x"}'])
def test_a_damaged_release_is_named_and_stepped_over(write: Run, read: Run, s3: Any, body: str) -> None:
    good = write(commit="aaa", images=image("1"))["release"]["id"]
    write(id=good, status="good", current=True)
    s3.put_object(Bucket=BUCKET, Key=f"releases/{NAME}/20251231T000000Z-x.json", Body=body)
    result = read()
    assert [each["id"] for each in result["releases"]] == [good]
    assert f"releases/{NAME}/20251231T000000Z-x.json is damaged" in result["damaged"][0]
    assert "restore one, or remove it" in result["damaged"][0]
    assert write(commit="bbb", images=image("2"))["changed"]


def test_nobody_guesses_what_serves_if_the_ledger_is_damaged(read: Run, write: Run, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"releases/{NAME}/current.json", Body="{")
    for result in (read(), write(commit="aaa", images=image("1"))):
        assert result["failed"] and f"releases/{NAME}/current.json is damaged" in result["msg"]
