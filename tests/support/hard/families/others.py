"""In an account there is more than what Slipway makes, and not all of it may be looked at."""

from __future__ import annotations

import typing as t

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.protocol import Call, Outcome, Refusal

KEY = "5a5a5a5a-0000-4000-8000-5a5a5a5a5a5a"
ARN = f"arn:aws:kms:eu-central-1:123456789012:key/{KEY}"


class OthersKeys(Behaviour):
    """There is a key whose policy lets nobody else even describe it."""

    name: t.ClassVar = "others-keys"
    source: t.ClassVar = "KMS developer guide: Key policies (no permission without the key policy); ListKeys lists all"

    def before(self, call: Call) -> Outcome | None:
        """Deny everything about it."""
        if call.service != "kms" or call.parameters.get("KeyId") not in (KEY, ARN):
            return None
        return Refusal(
            "AccessDeniedException",
            f"User: arn:aws:iam::123456789012:user/ann is not authorized to perform: kms:{call.operation} on resource:"
            f" {ARN} because no resource-based policy allows the kms:{call.operation} action",
        )

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """List it."""
        if (call.service, call.operation) != ("kms", "ListKeys") or isinstance(outcome, Refusal):
            return outcome
        return {**outcome, "Keys": [{"KeyId": KEY, "KeyArn": ARN}, *outcome.get("Keys", [])]}
