"""How each service says that something does not exist."""

from __future__ import annotations

from tests.support.hard.protocol import Call, Refusal

# EC2's models have no errors. Error codes for the Amazon EC2 API; the words are those of recorded answers.
EC2 = {
    "vpc": ("InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"),
    "subnet": ("InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"),
    "igw": ("InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}' does not exist"),
    "rtb": ("InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist"),
    "sg": ("InvalidGroup.NotFound", "The security group '{}' does not exist"),
    "sgr": ("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '{}' does not exist"),
    "nat": ("NatGatewayNotFound", "NatGateway {} was not found"),
    "eipalloc": ("InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist"),
    "eni": ("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '{}' does not exist"),
    "vpce": ("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{}' does not exist"),
}
# Where a model names several, or none.
OTHERS = {
    "iam": Refusal("NoSuchEntity", "The role with name {} cannot be found.", 404),
    "kms": Refusal("NotFoundException", "Key '{}' does not exist"),
    "sqs": Refusal("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."),
}
ENDINGS = ("NotFound", "NotFoundException", "NotFoundFault")


def of(call: Call, name: str) -> Refusal | None:
    """The error for something that a call asks for by name; ``None`` if none is known."""
    if call.service == "ec2":
        code, words = EC2.get(name.partition("-")[0], ("", ""))
        return Refusal(code, words.format(name)) if code else None
    if call.service in OTHERS:
        known = OTHERS[call.service]
        return Refusal(known.code, known.message.format(name), known.status)
    shapes = [shape for shape in call.model.error_shapes if shape.name.endswith(ENDINGS)]
    if len(shapes) != 1:
        return None
    error = shapes[0].metadata.get("error", {})
    return Refusal(error.get("code", shapes[0].name), f"{name} was not found", error.get("httpStatusCode", 400))
