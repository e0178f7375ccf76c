#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a REST API of API Gateway from an OpenAPI document."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apigateway_rest_api
version_added: 0.1.0
short_description: Manage a REST API of API Gateway from an OpenAPI document
description:
  - Creates the resources, methods, models and request validation that an application's OpenAPI document describes,
    passes every request to one Lambda function, and adds CORS, an authorizer and error documents.
  - Whatever is not in the document is removed. Nothing goes live before M(slipway.aws.apigateway_stage) deploys it.
  - M(community.aws.api_gateway) identifies an API only by its ID, so a second run creates a second API. It also imports
    the document on every run, and fails on OpenAPI 3.1.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the API. AWS allows several APIs with the same name; this module refuses that.
    type: str
    required: true
  description:
    description: What the API is for.
    type: str
  endpoint_type:
    description: Whether the API is reachable in its Region, through AWS's edge locations, or only from inside a VPC.
    type: str
    choices: [REGIONAL, EDGE, PRIVATE]
    default: REGIONAL
  document:
    description:
      - The OpenAPI document, version 3.0 or 3.1. Bodies of JSON are checked against its schemas as far as JSON Schema
        draft 4 can express them; whatever the document allows passes. A C(format) is not checked.
      - A path that ends with a slash becomes the one without it, by which API Gateway serves both.
      - References have to stay in the document. What is wrong in it, and what API Gateway cannot have, is refused
        before AWS is asked anything, such as a parameter that is only a part of a path's part, or two names for the
        parameter at one place.
    type: dict
  function_arn:
    description: ARN of the Lambda function, or of its alias, that handles the requests.
    type: str
  timeout:
    description: Milliseconds that a response may take.
    type: int
    default: 29000
  validate_requests:
    description: Refuse requests that lack a required parameter or whose body does not match the document.
    type: bool
    default: true
  authorizer:
    description: Lambda function that authorizes callers. Without one, everyone may call.
    type: dict
    suboptions:
      function_arn:
        description: ARN of the function, or of its alias.
        type: str
        required: true
      identity_source:
        description: Where to find the token.
        type: str
        default: method.request.header.Authorization
      ttl:
        description: Seconds for which the function's answer for a token is cached.
        type: int
        default: 300
  public_paths:
    description: Paths that do not need O(authorizer).
    type: list
    elements: str
    default: []
  api_key_required:
    description: Whether callers must send an API key of a usage plan.
    type: bool
    default: false
  cors:
    description: CORS headers for pages from other origins. Without them, browsers let no such page call the API.
    type: dict
    suboptions:
      origin:
        description: The origin, or V(*).
        type: str
        required: true
      headers:
        description: Headers that a page may send.
        type: list
        elements: str
        default: [Content-Type, Authorization, X-Api-Key]
      max_age:
        description: Seconds for which a browser may cache this.
        type: int
        default: 600
  gateway_responses:
    description: Responses of API Gateway itself, by type, such as V(THROTTLED), as PutGatewayResponse takes them.
    type: dict
    default: {}
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: The API that the application documents
  slipway.aws.apigateway_rest_api:
    name: shop-prod
    document: "{{ lookup('ansible.builtin.file', 'openapi.json') | from_json }}"
    function_arn: arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-api:live
    cors: {origin: https://shop.example}
"""

RETURN = r"""
rest_api:
  description: The API.
  returned: when state is present
  type: complex
  contains:
    id:
      description: Its ID, which is the first part of its address.
      returned: always, but not when check mode would create it
      type: str
      sample: a1b2c3d4e5
    arn:
      description: ARN of the API.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:apigateway:eu-central-1::/restapis/a1b2c3d4e5
    digest:
      description: A digest of the API's definition, which tells a stage when to deploy it again.
      returned: always
      type: str
      sample: 5891b5b522d5df08
    authorizer_id:
      description: ID of the authorizer; empty without one.
      returned: always, but not when check mode would create it
      type: str
      sample: 1a2b3c
    tags:
      description: Tags of the API.
      returned: always
      type: dict
      sample: {system: shop}
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils import rest_api
from ansible_collections.slipway.aws.plugins.module_utils.apigateway import ApiGatewayResource, replace
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    State,
    Tags,
    build_module,
    retry_while,
    run,
)
from ansible_collections.slipway.aws.plugins.module_utils.rest_api import (
    AUTHORIZER,
    AUTHORIZERS,
    METHODS,
    MODELS,
    PARTS,
    PREFLIGHT_STATUS,
    RESPONSES,
    VALIDATORS,
    superfluous,
    with_parents,
)


class RestApi(ApiGatewayResource):
    """An API and everything in it; its parts are compared and put right one by one."""

    kind = "REST API"
    result = "rest_api"
    keys: ClassVar = {"name": "name", "description": "description"}
    opaque = (*PARTS, "endpointConfiguration")

    def __init__(self, module: Any) -> None:
        super().__init__(module)
        # What the document and the options describe; nothing where the API is to go.
        self.parts: State = {}

    def ensure_present(self) -> dict[str, Any]:
        """Refuse a document that is wrong before AWS is asked anything."""
        self.parts = rest_api.wanted(self.params)
        return super().ensure_present()

    def read(self) -> State | None:
        """The API of this name with its parts, in the shape of `desired`."""
        api = self._find()
        return self._with_parts(api) if api else None

    def _with_parts(self, api: State) -> State:
        known = {"restApiId": api["id"]}
        authorizers = self.listed("get_authorizers", **known)
        validators = self.listed("get_request_validators", **known)
        names = {each["id"]: each["name"] for each in (*authorizers, *validators)}
        return {
            "id": api["id"],
            "arn": self.arn(self.path(api)),
            "name": api["name"],
            "description": api.get("description", ""),
            "endpointConfiguration": {"types": api.get("endpointConfiguration", {}).get("types", [])},
            METHODS: dict(rest_api.methods_shown(self._resources(api["id"]), names)),
            MODELS: rest_api.models_shown(self.listed("get_models", **known)),
            VALIDATORS: rest_api.validators_shown(validators),
            AUTHORIZERS: rest_api.authorizers_shown(authorizers),
            RESPONSES: rest_api.responses_shown(self.listed("get_gateway_responses", **known)),
            "authorizerId": next((each["id"] for each in authorizers), ""),
            "digest": self._digest(),
            "tags": api.get("tags", {}),
        }

    def _find(self) -> State | None:
        found = [each for each in self.listed("get_rest_apis") if each["name"] == self.name]
        if len(found) > 1:
            ids = ", ".join(each["id"] for each in found)
            raise RefusedError(f"{len(found)} REST APIs have the name {self.name}: {ids}. Delete all but one.")
        return found[0] if found else None

    def _resources(self, api: str) -> list[Any]:
        return self.listed("get_resources", restApiId=api, embed=["methods"])

    def desired(self) -> State:
        """The API that the document and the options describe."""
        return {
            **super().desired(),
            "endpointConfiguration": {"types": [self.params["endpoint_type"]]},
            **self.parts,
        }

    def _digest(self) -> str:
        return rest_api.digest(self.parts) if self.parts else ""

    def differences(self, current: State, desired: State) -> State:
        """Every part is compared as a whole: what is no longer wanted is a difference."""
        return {field: value for field, value in desired.items() if current[field] != value}

    def create(self, desired: State, tags: Tags) -> None:
        """Make the API, then its parts; a run that is broken off between the two is taken up by the next one."""
        fields = {field: value for field, value in desired.items() if field not in PARTS}
        # By its ID: the list may not have it yet.
        current = self._with_parts(self.client.create_rest_api(**fields, tags=tags))
        self.update(current, self.differences(current, desired))

    def update(self, current: State, changes: State) -> None:
        """What methods refer to comes before them, and goes after them."""
        api = current["id"]
        self._update_api(current, changes)
        for part, put in ((VALIDATORS, self._put_validator), (AUTHORIZERS, self._put_authorizer),
                          (MODELS, self._put_model), (RESPONSES, self._put_response)):  # fmt: skip
            for name, value in changes.get(part, {}).items():
                if current[part].get(name) != value:
                    put(api, name, value, name in current[part])
        if METHODS in changes:
            self._update_methods(current, changes[METHODS])
        self._remove_the_rest(current, changes)

    def _update_api(self, current: State, changes: State) -> None:
        operations = []
        if "description" in changes:
            operations.append(replace("/description", changes["description"]))
        if "endpointConfiguration" in changes:
            old = current["endpointConfiguration"]["types"][0]
            new = changes["endpointConfiguration"]["types"][0]
            operations.append(replace(f"/endpointConfiguration/types/{old}", new))
        if operations:
            self.client.update_rest_api(restApiId=current["id"], patchOperations=operations)

    def _put_validator(self, api: str, name: str, value: list[bool], exists: bool) -> None:
        if exists:
            found = self._by_name("get_request_validators", api, name)
            self.client.delete_request_validator(restApiId=api, requestValidatorId=found["id"])
        self.client.create_request_validator(
            restApiId=api, name=name, validateRequestBody=value[0], validateRequestParameters=value[1]
        )

    def _put_authorizer(self, api: str, name: str, value: State, exists: bool) -> None:
        if not exists:
            self.client.create_authorizer(restApiId=api, name=name, **value)
            return
        found = self._by_name("get_authorizers", api, name)
        operations = [replace(f"/{field}", each) for field, each in value.items()]
        self.client.update_authorizer(restApiId=api, authorizerId=found["id"], patchOperations=operations)

    def _put_model(self, api: str, name: str, value: State, exists: bool) -> None:
        schema = json.dumps(value)
        if exists:
            operations = [replace("/schema", schema)]
            self.client.update_model(restApiId=api, modelName=name, patchOperations=operations)
        else:
            self.client.create_model(restApiId=api, name=name, schema=schema, contentType="application/json")

    def _put_response(self, api: str, name: str, value: State, exists: bool) -> None:
        given = {field: each for field, each in value.items() if each}
        self.client.put_gateway_response(restApiId=api, responseType=name, **given)

    def _by_name(self, operation: str, api: str, name: str) -> State:
        return next(each for each in self.listed(operation, restApiId=api) if each["name"] == name)

    def _ids(self, operation: str, api: str) -> dict[str, str]:
        return {each["name"]: each["id"] for each in self.listed(operation, restApiId=api)}

    def _update_methods(self, current: State, wanted: State) -> None:
        api = current["id"]
        resources = {each["path"]: each["id"] for each in self._resources(api)}
        for name in current[METHODS].keys() - wanted.keys():
            verb, path = name.split(" ", 1)
            self.client.delete_method(restApiId=api, resourceId=resources[path], httpMethod=verb)
        paths = {name.partition(" ")[2] for name in wanted}
        needed = {path for each in paths for path in with_parents(each)}
        # Before others are made, since a parameter may have a new name and there is only one at a place. Longer paths
        # first: a resource takes those below it along.
        for path in sorted(resources.keys() - needed - {"/"}, key=len, reverse=True):
            self.client.delete_resource(restApiId=api, resourceId=resources[path])
        for path in sorted(needed - resources.keys(), key=len):
            parent, part = path.rsplit("/", 1)
            made = self.client.create_resource(restApiId=api, parentId=resources[parent or "/"], pathPart=part)
            resources[path] = made["id"]
        references = {**self._ids("get_authorizers", api), **self._ids("get_request_validators", api)}
        for name, method in wanted.items():
            if current[METHODS].get(name) != method:
                verb, path = name.split(" ", 1)
                where = {"restApiId": api, "resourceId": resources[path], "httpMethod": verb}
                if name in current[METHODS]:
                    self.client.delete_method(**where)
                self._put_method(where, method, references)

    def _put_method(self, where: Mapping[str, str], method: State, references: Mapping[str, str]) -> None:
        integration = method["integration"]
        ids = {"authorizerId": method[AUTHORIZER], "requestValidatorId": method["validator"]}
        self.client.put_method(
            **where,
            authorizationType=method["authorizationType"],
            apiKeyRequired=method["apiKeyRequired"],
            operationName=method["operationName"],
            requestParameters=method["requestParameters"],
            requestModels=method["requestModels"],
            **{field: references[name] for field, name in ids.items() if name},
        )
        # Lambda is invoked by POST, whatever the method is.
        target = {"integrationHttpMethod": "POST", "uri": integration["uri"]} if integration["uri"] else {}
        self.client.put_integration(
            **where,
            type=integration["type"],
            timeoutInMillis=integration["timeoutInMillis"],
            requestTemplates=integration["requestTemplates"],
            **target,
        )
        if method["answer"]:
            headers = {f"method.response.header.{name}": f"'{value}'" for name, value in method["answer"].items()}
            self.client.put_method_response(
                **where, statusCode=PREFLIGHT_STATUS, responseParameters=dict.fromkeys(headers, False)
            )
            self.client.put_integration_response(**where, statusCode=PREFLIGHT_STATUS, responseParameters=headers)

    def _remove_the_rest(self, current: State, changes: State) -> None:
        api = {"restApiId": current["id"]}
        for name in superfluous(current, changes, MODELS):
            self.client.delete_model(**api, modelName=name)
        for name in superfluous(current, changes, VALIDATORS):
            found = self._by_name("get_request_validators", current["id"], name)
            self.client.delete_request_validator(**api, requestValidatorId=found["id"])
        for name in superfluous(current, changes, AUTHORIZERS):
            found = self._by_name("get_authorizers", current["id"], name)
            self.client.delete_authorizer(**api, authorizerId=found["id"])
        for name in superfluous(current, changes, RESPONSES):
            self.client.delete_gateway_response(**api, responseType=name)

    def delete(self, current: State) -> None:
        """Delete it with its stages; AWS lets an account delete one API every thirty seconds."""
        retry_while(
            ["TooManyRequestsException"],
            lambda: self.client.delete_rest_api(restApiId=current["id"]),
            self.params["wait_timeout"],
        )

    def path(self, current: State) -> str:
        """Where it is under API Gateway."""
        return f"restapis/{current['id']}"


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "description": {},
            "endpoint_type": {"choices": ["REGIONAL", "EDGE", "PRIVATE"], "default": "REGIONAL"},
            "document": {"type": "dict"},
            "function_arn": {},
            "timeout": {"type": "int", "default": 29000},
            "validate_requests": {"type": "bool", "default": True},
            "authorizer": {
                "type": "dict",
                "options": {
                    "function_arn": {"required": True},
                    "identity_source": {"default": "method.request.header.Authorization"},
                    "ttl": {"type": "int", "default": 300},
                },
            },
            "public_paths": {"type": "list", "elements": "str", "default": []},
            "api_key_required": {"type": "bool", "default": False, "no_log": False},
            "cors": {
                "type": "dict",
                "options": {
                    "origin": {"required": True},
                    "headers": {
                        "type": "list",
                        "elements": "str",
                        "default": ["Content-Type", "Authorization", "X-Api-Key"],
                    },
                    "max_age": {"type": "int", "default": 600},
                },
            },
            "gateway_responses": {"type": "dict", "default": {}},
        },
        required_if=[("state", "present", ("document", "function_arn"))],
    )
    run(RestApi(module))


if __name__ == "__main__":
    main()
