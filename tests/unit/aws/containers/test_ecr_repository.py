"""slipway.aws.ecr_repository against moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.modules import Client, Run, runner

NAME = "shop-api"
POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
            "action": {"type": "expire"},
        }
    ]
}
OPTIONS: dict[str, Any] = {
    "scan_on_push": True,
    "immutable_tags": True,
    "lifecycle_policy": POLICY,
    "tags": {"system": "shop"},
}


@pytest.fixture
def client(in_moto: Client) -> Any:
    return in_moto("ecr")


@pytest.fixture
def run(client: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("ecr_repository", capsys, name=NAME)


def repository(client: Any) -> dict[str, Any]:
    held: dict[str, Any] = client.describe_repositories(repositoryNames=[NAME])["repositories"][0]
    return held


def test_makes_a_repository_with_everything(client: Any, run: Run) -> None:
    made = run(**OPTIONS)["repository"]
    held = repository(client)
    assert held["imageTagMutability"] == "IMMUTABLE"
    assert held["imageScanningConfiguration"] == {"scanOnPush": True}
    assert json.loads(client.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"]) == POLICY
    assert made["tags"] == {"system": "shop"}
    assert made["repository_uri"] == held["repositoryUri"]


def test_a_second_run_changes_nothing(run: Run) -> None:
    assert run(**OPTIONS)["changed"] is True
    assert run(**OPTIONS)["changed"] is False


def test_attributes_and_tags_are_put_right(client: Any, run: Run) -> None:
    run(**OPTIONS)
    client.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="MUTABLE")
    client.put_image_scanning_configuration(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": False})
    client.delete_lifecycle_policy(repositoryName=NAME)
    client.untag_resource(resourceArn=repository(client)["repositoryArn"], tagKeys=["system"])
    assert run(**OPTIONS)["changed"] is True
    assert run(**OPTIONS)["changed"] is False


def test_a_lifecycle_rule_that_is_no_longer_wanted_goes(client: Any, run: Run) -> None:
    more = {"rules": [*POLICY["rules"], {**POLICY["rules"][0], "rulePriority": 2}]}
    run(lifecycle_policy=more)
    assert run(lifecycle_policy=POLICY)["changed"] is True
    assert json.loads(client.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"]) == POLICY
    assert run(lifecycle_policy={})["changed"] is True
    with pytest.raises(client.exceptions.LifecyclePolicyNotFoundException):
        client.get_lifecycle_policy(repositoryName=NAME)


def test_another_key_is_refused_with_what_to_do(client: Any, run: Run) -> None:
    run()
    refused = run(kms_key_id="arn:aws:kms:eu-central-1:123456789012:key/other")
    assert refused["failed"] is True
    assert "delete it first (state: absent)" in refused["msg"]


def test_deletes_images_only_with_force(client: Any, run: Run) -> None:
    run()
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": kind, "config": {"digest": "sha256:0", "size": 1}, "layers": []}
    )
    client.put_image(repositoryName=NAME, imageManifest=manifest, imageManifestMediaType=kind, imageTag="one")
    assert "RepositoryNotEmptyException" in str(run(state="absent"))
    assert run(state="absent", force=True)["changed"] is True
    assert run(state="absent", force=True)["changed"] is False


def test_check_mode_writes_nothing(client: Any, run: Run) -> None:
    assert run(check=True, **OPTIONS)["changed"] is True
    assert client.describe_repositories()["repositories"] == []
