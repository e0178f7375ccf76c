"""In a new account, and with new roles and permissions, what comes first is refused."""

from __future__ import annotations

import dataclasses
import typing as t

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.protocol import Call, Outcome, Refusal
from tests.support.hard.texts import texts
from tests.support.hard.world import World

# On AWS it is some seconds, and up to two minutes.
PROPAGATION_SECONDS = 2.0
TERRAFORM = "Terraform provider for AWS, service/"

# The first call of an account makes the service's role, which the service cannot assume at once.
LINKED_ROLES = {
    # ecs/cluster.go retries it
    ("ecs", "CreateCluster"): Refusal(
        "InvalidParameterException",
        "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
    ),
    # appautoscaling/policy.go retries it whatever it says; what it says is not recorded, so these words are ours
    ("application-autoscaling", "PutScalingPolicy"): Refusal(
        "FailedResourceAccessException",
        "Unable to retrieve alarms. Reason: The security token included in the request is invalid",
    ),
}


@dataclasses.dataclass(frozen=True)
class Propagation:
    """A write that is refused for what an earlier write has just made or allowed."""

    refusal: Refusal
    source: str


ROLES = {
    ("lambda", "CreateFunction"): Propagation(
        Refusal("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
        f"{TERRAFORM}lambda/function.go",
    ),
    ("backup", "CreateBackupSelection"): Propagation(
        Refusal("InvalidParameterValueException", "IAM Role {} is not authorized to call tag:GetResources"),
        f"{TERRAFORM}backup/selection.go",
    ),
    ("apigateway", "UpdateAccount"): Propagation(
        Refusal(
            "BadRequestException",
            "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway"
            " and add the required role policy.",
        ),
        f"{TERRAFORM}apigateway/account.go",
    ),
    ("rds", "CreateDBInstance"): Propagation(
        Refusal(
            "InvalidParameterValue",
            "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING",
        ),
        "cdkd, errors that are retried: RDS Enhanced Monitoring role IAM propagation (its issue 794)",
    ),
    ("kms", "CreateKey"): Propagation(
        Refusal("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."),
        f"{TERRAFORM}kms/key.go",
    ),
    ("s3", "PutBucketPolicy"): Propagation(
        Refusal("MalformedPolicy", "Invalid principal in policy"), f"{TERRAFORM}s3/bucket_policy.go"
    ),
}
IAM_WRITES = ("CreateRole", "PutRolePolicy", "AttachRolePolicy", "UpdateAssumeRolePolicy")


class ServiceLinkedRoles(Behaviour):
    """The first call that needs a service-linked role is refused."""

    name: t.ClassVar = "service-linked-roles"
    source: t.ClassVar = f"{TERRAFORM}ecs/cluster.go, appautoscaling/policy.go"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.used: set[tuple[str, str]] = set()

    def before(self, call: Call) -> Outcome | None:
        """Refuse the first of its kind."""
        key = (call.service, call.operation)
        with self.world.lock:
            is_first = key in LINKED_ROLES and key not in self.used
            self.used.add(key)
        return LINKED_ROLES[key] if is_first else None

    def forget(self) -> None:
        """The account is a new one."""
        self.used.clear()


class NewRoles(Behaviour):
    """For two seconds after a role, or what it may do, was written, others refuse it."""

    name: t.ClassVar = "new-roles"
    source: t.ClassVar = "; ".join(each.source for each in ROLES.values())

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.written: dict[str, float] = {}

    def before(self, call: Call) -> Outcome | None:
        """Refuse what names a role that was just written."""
        found = ROLES.get((call.service, call.operation))
        if not found:
            return None
        new = next((text for text in texts(call.parameters) if self._is_new(text)), None)
        return dataclasses.replace(found.refusal, message=found.refusal.message.format(new)) if new else None

    def _is_new(self, text: str) -> bool:
        if ":role/" not in text:
            return False
        now = self.world.clock()
        return any(now - when < PROPAGATION_SECONDS and f"/{name}" in text for name, when in self.written.items())

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Remember when a role was written."""
        if call.service == "iam" and call.operation in IAM_WRITES and not isinstance(outcome, Refusal):
            self.written[str(call.parameters["RoleName"])] = self.world.clock()
        return outcome

    def forget(self) -> None:
        """Know no role."""
        self.written.clear()


class NewPermissions(Behaviour):
    """For two seconds after a function was opened to Secrets Manager, that may not call it."""

    name: t.ClassVar = "new-permissions"
    source: t.ClassVar = f"{TERRAFORM}secretsmanager/secret_rotation.go"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.allowed = float("-inf")

    def before(self, call: Call) -> Outcome | None:
        """Refuse a rotation by such a function."""
        is_rotation = (call.service, call.operation) == ("secretsmanager", "RotateSecret")
        if not is_rotation or self.world.clock() - self.allowed >= PROPAGATION_SECONDS:
            return None
        return Refusal(
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access"
            " to the principal secretsmanager.amazonaws.com.",
        )

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Remember when it was allowed."""
        if (call.service, call.operation) == ("lambda", "AddPermission") and not isinstance(outcome, Refusal):
            self.allowed = self.world.clock()
        return outcome

    def forget(self) -> None:
        """Nothing was allowed."""
        self.allowed = float("-inf")
