#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage an OpenID Connect provider that an AWS account trusts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_oidc_provider
version_added: 0.1.0
short_description: Manage an OpenID Connect provider that an AWS account trusts
description:
  - Lets IAM accept tokens from an OpenID Connect provider, such as that of GitHub Actions, so that nobody has to store
    access keys.
  - Upstream only has a module for SAML, M(community.aws.iam_saml_federation).
author:
  - Slipway contributors (@slipway)
options:
  url:
    description: URL of the provider, the issuer of its tokens.
    type: str
    required: true
  client_ids:
    description: Audiences of its tokens.
    type: list
    elements: str
  purge_client_ids:
    description: Remove audiences that are not listed. An account has one provider for a URL, which others may use as
      well.
    type: bool
    default: false
  thumbprints:
    description: SHA-1 digests of the certificates that sign for the provider. AWS does not need them for providers with
      certificates from public authorities, such as GitHub.
    type: list
    elements: str
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Trust GitHub Actions
  slipway.aws.iam_oidc_provider:
    url: https://token.actions.githubusercontent.com
    client_ids: [sts.amazonaws.com]
"""

RETURN = r"""
provider:
  description: The provider.
  returned: when state is present
  type: complex
  contains:
    arn:
      description: ARN of the provider.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com
    client_id_list:
      description: Audience of its tokens.
      returned: always
      type: list
      elements: str
      sample: [sts.amazonaws.com]
    tags:
      description: Tags of the provider.
      returned: always
      type: dict
      sample: {managed_by: slipway}
"""

from collections.abc import Sequence
from typing import ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    Resource,
    State,
    Tags,
    build_module,
    run,
    tags_to_list,
)


class Provider(Resource):
    """A provider; its ARN ends in its URL."""

    service = "iam"
    kind = "OIDC provider"
    result = "provider"
    keys: ClassVar = {"client_ids": "ClientIDList", "thumbprints": "ThumbprintList"}
    unordered = frozenset({"ClientIDList", "ThumbprintList"})

    @property
    def name(self) -> str:
        """Its URL, as ARNs have it."""
        return str(self.params["url"]).removeprefix("https://").rstrip("/")

    def read(self) -> State | None:
        """The provider with this URL."""
        providers = self.client.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        arn = next((each["Arn"] for each in providers if each["Arn"].partition("/")[2] == self.name), None)
        if arn is None:
            return None
        answer = self.client.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        kept = ("Url", "ClientIDList", "ThumbprintList", "Tags")
        return {"Arn": arn, **{field: answer[field] for field in kept if field in answer}}

    def differences(self, current: State, desired: State) -> State:
        """Audiences of others are no difference unless they are to go."""
        changes = super().differences(current, desired)
        held = set(current.get("ClientIDList", []))
        if not self.params["purge_client_ids"] and held >= set(changes.get("ClientIDList", [])):
            changes.pop("ClientIDList", None)
        return changes

    def create(self, desired: State, tags: Tags) -> None:
        """Make it."""
        url = f"https://{self.name}"
        self.client.create_open_id_connect_provider(Url=url, **desired, Tags=tags_to_list(tags))

    def update(self, current: State, changes: State) -> None:
        """Audiences one by one, thumbprints as a whole."""
        provider = {"OpenIDConnectProviderArn": current["Arn"]}
        if "ClientIDList" in changes:
            held, wanted = set(current.get("ClientIDList", [])), set(changes["ClientIDList"])
            for client_id in sorted(wanted - held):
                self.client.add_client_id_to_open_id_connect_provider(**provider, ClientID=client_id)
            for client_id in sorted(held - wanted if self.params["purge_client_ids"] else ()):
                self.client.remove_client_id_from_open_id_connect_provider(**provider, ClientID=client_id)
        if "ThumbprintList" in changes:
            self.client.update_open_id_connect_provider_thumbprint(**provider, ThumbprintList=changes["ThumbprintList"])

    def delete(self, current: State) -> None:
        """Delete it; what trusts it can no longer be used."""
        self.client.delete_open_id_connect_provider(OpenIDConnectProviderArn=current["Arn"])

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_open_id_connect_provider(OpenIDConnectProviderArn=current["Arn"], Tags=tags_to_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_open_id_connect_provider(OpenIDConnectProviderArn=current["Arn"], TagKeys=list(keys))


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "url": {"required": True},
            "client_ids": {"type": "list", "elements": "str"},
            "purge_client_ids": {"type": "bool", "default": False},
            "thumbprints": {"type": "list", "elements": "str"},
        }
    )
    run(Provider(module))


if __name__ == "__main__":
    main()
