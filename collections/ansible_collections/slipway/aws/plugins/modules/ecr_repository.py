#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage an ECR repository."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_repository
version_added: 0.1.0
short_description: Manage an ECR repository
description:
  - Creates, updates and deletes a private image repository with its lifecycle policy and tags.
  - M(community.aws.ecs_ecr) does not support tags, fails in check mode if the repository does not exist yet, and turns
    on scanning only after the repository has been created.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the repository.
    type: str
    required: true
  scan_on_push:
    description: Scan each image for known vulnerabilities when it is pushed.
    type: bool
  immutable_tags:
    description: Do not allow a tag to be moved to another image.
    type: bool
  kms_key_id:
    description: KMS key that encrypts the images. Without it, ECR encrypts them with AES-256 itself. Cannot be changed
      later.
    type: str
  lifecycle_policy:
    description: The lifecycle policy. An empty one removes it; without this option it stays as it is.
    type: dict
  force:
    description: With O(state=absent), delete the repository together with the images in it.
    type: bool
    default: false
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Repository that keeps the ten newest images
  slipway.aws.ecr_repository:
    name: shop-prod-api
    scan_on_push: true
    immutable_tags: true
    lifecycle_policy:
      rules:
        - rulePriority: 1
          selection: {tagStatus: any, countType: imageCountMoreThan, countNumber: 10}
          action: {type: expire}
"""

RETURN = r"""
repository:
  description: The repository, as DescribeRepositories returns it, in snake_case, with its lifecycle policy.
  returned: when state is present
  type: complex
  contains:
    repository_uri:
      description: The repository's URI, which image names begin with.
      returned: always, but not when check mode would create it
      type: str
      sample: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop-prod-api
    repository_arn:
      description: ARN of the repository.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:ecr:eu-central-1:123456789012:repository/shop-prod-api
    lifecycle_policy:
      description: The lifecycle policy.
      returned: always
      type: dict
      sample: {}
    tags:
      description: Tags of the repository.
      returned: always
      type: dict
      sample: {system: shop}
"""

import json
from collections.abc import Sequence
from typing import ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    Resource,
    State,
    Tags,
    build_module,
    found,
    given,
    run,
    tags_to_dict,
    tags_to_list,
)

POLICY = "lifecyclePolicy"


class Repository(Resource):
    """A private ECR repository."""

    service = "ecr"
    kind = "ECR repository"
    result = "repository"
    keys: ClassVar = {"name": "repositoryName", "lifecycle_policy": POLICY}
    immutable = frozenset({"encryptionConfiguration"})
    opaque = (POLICY,)

    def read(self) -> State | None:
        """The repository with its lifecycle policy."""
        answer = found(self.client.describe_repositories, "RepositoryNotFoundException", repositoryNames=[self.name])
        if not answer or not answer["repositories"]:
            return None
        policy = found(
            self.client.get_lifecycle_policy,
            "LifecyclePolicyNotFoundException",
            "RepositoryNotFoundException",
            repositoryName=self.name,
        )
        text = policy["lifecyclePolicyText"] if policy else "{}"
        return {**answer["repositories"][0], POLICY: json.loads(text)}

    def desired(self) -> State:
        """The options in the spelling of CreateRepository."""
        desired = given(self.params, self.keys)
        if self.params["scan_on_push"] is not None:
            desired["imageScanningConfiguration"] = {"scanOnPush": self.params["scan_on_push"]}
        if self.params["immutable_tags"] is not None:
            desired["imageTagMutability"] = "IMMUTABLE" if self.params["immutable_tags"] else "MUTABLE"
        if self.params["kms_key_id"]:
            desired["encryptionConfiguration"] = {
                "encryptionType": "KMS",
                "kmsKey": self.params["kms_key_id"],
            }
        return desired

    def differences(self, current: State, desired: State) -> State:
        """A lifecycle policy is compared as a whole: a rule that is no longer wanted is a difference."""
        changes = super().differences(current, {key: desired[key] for key in desired if key != POLICY})
        if POLICY in desired and desired[POLICY] != current[POLICY]:
            changes[POLICY] = desired[POLICY]
        return changes

    def create(self, desired: State, tags: Tags) -> None:
        """Make the repository, then give it its lifecycle policy."""
        fields = {key: value for key, value in desired.items() if key != POLICY}
        self.client.create_repository(**fields, tags=tags_to_list(tags))
        if desired.get(POLICY):
            self._put_policy(desired[POLICY])

    def update(self, current: State, changes: State) -> None:
        """Each attribute has a call of its own."""
        if "imageTagMutability" in changes:
            self.client.put_image_tag_mutability(
                repositoryName=self.name, imageTagMutability=changes["imageTagMutability"]
            )
        if "imageScanningConfiguration" in changes:
            self.client.put_image_scanning_configuration(
                repositoryName=self.name, imageScanningConfiguration=changes["imageScanningConfiguration"]
            )
        if changes.get(POLICY):
            self._put_policy(changes[POLICY])
        elif POLICY in changes:
            self.client.delete_lifecycle_policy(repositoryName=self.name)

    def delete(self, current: State) -> None:
        """Remove it, with its images only if that was asked for."""
        self.client.delete_repository(repositoryName=self.name, force=self.params["force"])

    def read_tags(self, current: State) -> Tags:
        """Tags are a call of their own."""
        return tags_to_dict(self.client.list_tags_for_resource(resourceArn=current["repositoryArn"])["tags"])

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_resource(resourceArn=current["repositoryArn"], tags=tags_to_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_resource(resourceArn=current["repositoryArn"], tagKeys=list(keys))

    def _put_policy(self, policy: State) -> None:
        self.client.put_lifecycle_policy(repositoryName=self.name, lifecyclePolicyText=json.dumps(policy))


def main() -> None:
    """Run the module."""
    run(
        Repository(
            build_module(
                {
                    "name": {"required": True},
                    "scan_on_push": {"type": "bool"},
                    "immutable_tags": {"type": "bool"},
                    "kms_key_id": {"no_log": False},
                    "lifecycle_policy": {"type": "dict"},
                    "force": {"type": "bool", "default": False},
                }
            )
        )
    )


if __name__ == "__main__":
    main()
