"""Which IAM actions there are, by the list that cfn-lint keeps."""

from __future__ import annotations

import json
from pathlib import Path

from cfnlint.data import AdditionalSpecs  # type: ignore[import-untyped]

_KNOWN = json.loads((Path(AdditionalSpecs.__file__).parent / "Policies.json").read_text())


def has_resources(action: str) -> bool:
    """Whether IAM knows resources for an action; else it is allowed on every one or not at all."""
    prefix, _colon, name = action.partition(":")
    return bool(_KNOWN[prefix]["Actions"][name.lower()].get("Resources"))


def is_action(action: str) -> bool:
    """Whether IAM knows an action, such as ``s3:GetObject``."""
    prefix, _colon, name = action.partition(":")
    return name.lower() in _KNOWN.get(prefix, {}).get("Actions", {})
