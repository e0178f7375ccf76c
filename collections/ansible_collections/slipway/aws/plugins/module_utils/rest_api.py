# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The parts of a REST API in one shape, so that they can be compared: as options ask for them, and as AWS shows them.

Every part is a mapping by name. What AWS knows by an id, an authorizer or a validator, stands here by its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils import openapi
from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError, State

Options = Mapping[str, Any]

METHODS = "Methods"
MODELS = "Models"
VALIDATORS = "Validators"
AUTHORIZERS = "Authorizers"
RESPONSES = "GatewayResponses"
PARTS = (METHODS, MODELS, VALIDATORS, AUTHORIZERS, RESPONSES)
# AWS gives every API these; they are in nobody's way.
GIVEN_MODELS = ("Empty", "Error")
EVERYTHING = "everything"
AUTHORIZER = "authorizer"
PREFLIGHT_STATUS = "204"

# -- as the options ask for them -----------------------------------------------------------------------------


def wanted(options: Options) -> State:
    """The parts of the API that the document and the other options of the module describe.

    :raises RefusedError: where the document is wrong, or asks for what API Gateway has not.
    """
    try:
        api = openapi.described(options["document"])
    except openapi.DocumentError as error:
        raise RefusedError(f"The document of the REST API {options['name']}: {error}") from error
    methods = {f"{each.verb} {each.path}": _method(options, each) for each in api.operations}
    if options["cors"]:
        for path in dict.fromkeys(each.path for each in api.operations):
            methods.setdefault(f"OPTIONS {path}", _preflight(options, path, methods))
    return {
        METHODS: methods,
        MODELS: dict(api.models),
        VALIDATORS: {EVERYTHING: [True, True]} if options["validate_requests"] else {},
        AUTHORIZERS: _authorizers(options["authorizer"]),
        RESPONSES: {
            kind: _answer(options["cors"], response) for kind, response in options["gateway_responses"].items()
        },
    }


def digest(parts: State) -> str:
    """What changes with the parts of the API."""
    return hashlib.sha256(openapi.canonical(parts).encode()).hexdigest()[:16]


def _method(options: Options, operation: openapi.Operation) -> State:
    public = operation.written in options["public_paths"]
    authorized = options["authorizer"] and not public
    return {
        "authorizationType": "CUSTOM" if authorized else "NONE",
        AUTHORIZER: AUTHORIZER if authorized else "",
        "apiKeyRequired": options["api_key_required"] and not public,
        "operationName": operation.name,
        "requestParameters": dict(operation.parameters),
        "requestModels": dict(operation.models),
        "validator": EVERYTHING if options["validate_requests"] else "",
        "integration": {
            "type": "AWS_PROXY",
            "uri": integration_uri(options["function_arn"]),
            "timeoutInMillis": options["timeout"],
            "requestTemplates": {},
        },
        "answer": {},
    }


def _preflight(options: Options, path: str, methods: Mapping[str, Any]) -> State:
    """The answer to a browser that asks beforehand, given by the gateway itself."""
    verbs = sorted({name.partition(" ")[0] for name in methods if name.partition(" ")[2] == path} | {"OPTIONS"})
    cors = options["cors"]
    return {
        "authorizationType": "NONE",
        AUTHORIZER: "",
        "apiKeyRequired": False,
        "operationName": "",
        "requestParameters": {},
        "requestModels": {},
        "validator": "",
        "integration": {
            "type": "MOCK",
            "uri": "",
            "timeoutInMillis": options["timeout"],
            "requestTemplates": {"application/json": json.dumps({"statusCode": int(PREFLIGHT_STATUS)})},
        },
        "answer": {
            "Access-Control-Allow-Origin": cors["origin"],
            "Access-Control-Allow-Methods": ",".join(verbs),
            "Access-Control-Allow-Headers": ",".join(cors["headers"]),
            "Access-Control-Max-Age": str(cors["max_age"]),
        },
    }


def _authorizers(authorizer: Options | None) -> State:
    if not authorizer:
        return {}
    return {
        AUTHORIZER: {
            "type": "TOKEN",
            "authorizerUri": integration_uri(authorizer["function_arn"]),
            "identitySource": authorizer["identity_source"],
            "authorizerResultTtlInSeconds": authorizer["ttl"],
        }
    }


def _answer(cors: Options | None, response: Mapping[str, Any]) -> State:
    parameters = dict(response.get("responseParameters", {}))
    if cors:
        parameters["gatewayresponse.header.Access-Control-Allow-Origin"] = f"'{cors['origin']}'"
    return response_shown({**response, "responseParameters": parameters})


def integration_uri(function_arn: str) -> str:
    """How API Gateway names a Lambda function that it invokes."""
    _arn, partition, _service, region = function_arn.split(":")[:4]
    return f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations"


# -- as AWS shows them ---------------------------------------------------------------------------------------


def methods_shown(resources: Sequence[Any], names: Mapping[str, str]) -> Iterator[tuple[str, State]]:
    """Verb and path -> method; ``names`` are those of authorizers and validators by id."""
    for resource in resources:
        for verb, method in resource.get("resourceMethods", {}).items():
            integration = method.get("methodIntegration") or {}
            answer = (integration.get("integrationResponses") or {}).get(PREFLIGHT_STATUS, {})
            yield (
                f"{verb} {resource['path']}",
                {
                    "authorizationType": method.get("authorizationType"),
                    AUTHORIZER: names.get(method.get("authorizerId") or "", ""),
                    "apiKeyRequired": bool(method.get("apiKeyRequired")),
                    "operationName": method.get("operationName") or "",
                    "requestParameters": method.get("requestParameters") or {},
                    "requestModels": method.get("requestModels") or {},
                    "validator": names.get(method.get("requestValidatorId") or "", ""),
                    "integration": {
                        "type": integration.get("type"),
                        "uri": integration.get("uri") or "",
                        "timeoutInMillis": integration.get("timeoutInMillis"),
                        "requestTemplates": integration.get("requestTemplates") or {},
                    },
                    "answer": {
                        name.removeprefix("method.response.header."): value.strip("'")
                        for name, value in (answer.get("responseParameters") or {}).items()
                    },
                },
            )


def models_shown(models: Sequence[Any]) -> State:
    """Name -> schema of every model that is not AWS's own."""
    return {each["name"]: json.loads(each["schema"]) for each in models if each["name"] not in GIVEN_MODELS}


def validators_shown(validators: Sequence[Any]) -> State:
    """Name -> whether body and parameters are checked."""
    return {each["name"]: [each["validateRequestBody"], each["validateRequestParameters"]] for each in validators}


def authorizers_shown(authorizers: Sequence[Any]) -> State:
    """Name -> what is asked for of an authorizer."""
    fields = ("type", "authorizerUri", "identitySource")
    return {
        each["name"]: {
            **{field: each.get(field) for field in fields},
            "authorizerResultTtlInSeconds": int(each.get("authorizerResultTtlInSeconds") or 0),
        }
        for each in authorizers
    }


def responses_shown(responses: Sequence[Any]) -> State:
    """Type -> answer of the gateway, without those that AWS gives by itself."""
    return {each["responseType"]: response_shown(each) for each in responses if not each.get("defaultResponse")}


def response_shown(response: Mapping[str, Any]) -> State:
    """An answer of the gateway."""
    return {
        "statusCode": str(response.get("statusCode", "")),
        "responseParameters": response.get("responseParameters") or {},
        "responseTemplates": response.get("responseTemplates") or {},
    }


# -- what is between the two ---------------------------------------------------------------------------------


def superfluous(current: State, changes: State, part: str) -> list[str]:
    """What is there of a part that changes, and is no longer wanted."""
    return [name for name in current[part] if part in changes and name not in changes[part]]


def with_parents(path: str) -> Iterator[str]:
    """A path and those above it, from the top."""
    names = [name for name in path.split("/") if name]
    for count in range(1, len(names) + 1):
        yield "/" + "/".join(names[:count])
