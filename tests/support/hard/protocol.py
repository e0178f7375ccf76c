"""AWS's protocols, both ways: what a request asks, and how an answer or a refusal is written.

botocore reads answers and knows the models; for what a server has to do moto has the opposites of botocore's parsers.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t
import warnings
from urllib.parse import urlsplit

import botocore.parsers
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request as ReceivedRequest
from moto.core.request import determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from ansible_collections.slipway.graph.plugins.plugin_utils.worker.operations import is_read
from tests.support.api_proxy import Answer, Request

Result = dict[str, t.Any]

# What requests are signed for: botocore's name of the service, where it is another one.
SIGNED_FOR = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "elasticfilesystem": "efs",
    "tagging": "resourcegroupstaggingapi",
}
UNDERSTOOD = {
    *SIGNED_FOR.values(), "ec2", "iam", "sts", "rds", "elasticache", "logs", "kms", "secretsmanager", "ecs", "ecr",
    "lambda", "apigateway", "dynamodb", "s3", "backup", "application-autoscaling", "sns", "sqs",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of the API, as boto3 would name it."""

    service: str
    operation: str
    parameters: Result
    region: str = ""
    protocol: str = ""
    model: t.Any = None

    @property
    def is_read(self) -> bool:
        """Whether it writes nothing."""
        return is_read(self.service, self.operation)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What equal calls have in common."""
        return self.service, self.region, self.operation, repr(self.parameters)


@dataclasses.dataclass(frozen=True)
class Refusal:
    """An error as AWS words it."""

    code: str
    message: str
    status: int = 400


# What a call comes to.
Outcome = Result | Refusal


def read_request(request: Request) -> Call | None:
    """The call that a request makes; ``None`` for what is no call of a service that is understood here."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", headers.get("authorization", ""))
    service = SIGNED_FOR.get(scope[2], scope[2]) if scope else ""
    if (
        not scope or service not in UNDERSTOOD or b"Version=2012-06-01" in request.body
    ):  # that of classic load balancers
        return None
    received = ReceivedRequest.from_primitives(
        request.method, f"http://aws{request.path}", request.headers, request.body
    )
    received.environ["RAW_URI"] = request.path
    model = get_service_model(service)
    try:
        protocol = determine_request_protocol(model, received.content_type)
        operation, labels = get_service_router(service).match(received)
    except (NotFound, NotImplementedError):
        return None
    parameters = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": request.method,
            "values": received.values,
            "headers": received.headers,
            "body": request.body,
            "url_path": urlsplit(request.path).path,
            "url_params": labels,
        }
    )
    return Call(service, operation.name, parameters, scope[1], protocol, operation)


def read_answer(call: Call, answer: Answer) -> Outcome | None:
    """What an emulator's answer says; ``None`` for a stream, which is passed on as it is."""
    if call.model.has_streaming_output:
        return None
    response = {"status_code": answer.status, "headers": _headers(answer), "body": answer.body, "context": {}}
    parsed: Result = _parser(call.protocol).parse(response, call.model.output_shape)
    if answer.status >= 300:
        error = parsed.get("Error", {})
        return Refusal(str(error.get("Code", "")), str(error.get("Message", "")), answer.status)
    parsed.pop("ResponseMetadata", None)
    return parsed


def write_answer(call: Call, outcome: Outcome) -> Answer:
    """An answer in the protocol that was spoken."""
    serializer = get_serializer_class(call.service, call.protocol)(call.model)
    if isinstance(outcome, Refusal):
        # The serializer names an error after its class and takes the rest from its attributes.
        error = type("ServiceException", (Exception,), {"code": outcome.code, "message": outcome.message})()
        with warnings.catch_warnings():  # of codes that no model has, such as those of throttling
            warnings.simplefilter("ignore")
            written = serializer.serialize(error)
        written["status_code"] = outcome.status
    else:
        written = serializer.serialize(outcome)
    body = written["body"]
    content = body.encode() if isinstance(body, str) else body
    return Answer(
        int(written["status_code"]), [(name, str(value)) for name, value in written["headers"].items()], content
    )


def _headers(answer: Answer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers}


@functools.cache
def _parser(protocol: str) -> t.Any:
    return botocore.parsers.create_parser(protocol)
