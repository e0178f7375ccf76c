"""What an OpenAPI document asks of API Gateway."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.slipway.aws.plugins.module_utils import openapi

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/orders/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {"operationId": "readOrder", "parameters": [{"name": "full", "in": "query", "required": True}]},
            "put": {
                "operationId": "changeOrder",
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Order"}},
                        "text/plain": {"schema": {"type": "string"}},
                    }
                },
            },
        },
    },
    "components": {
        "parameters": {"Id": {"name": "id", "in": "path", "required": True}},
        "schemas": {
            "Order": {
                "type": "object",
                "required": ["count"],
                "properties": {"count": {"type": "integer"}, "kind": {"$ref": "#/components/schemas/Kind"}},
                "additionalProperties": False,
            },
            "Kind": {"type": "string", "enum": ["a", "b"]},
            "Tree": {"type": "object", "properties": {"below": {"$ref": "#/components/schemas/Tree"}}},
        },
    },
}


def converted(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as a model, without the line that every model has."""
    model = openapi.model(DOCUMENT, schema)
    assert model.pop("$schema") == openapi.DRAFT
    return model


def test_operations_have_the_parameters_of_their_path() -> None:
    found = {verb: operation for _path, verb, operation in openapi.operations(DOCUMENT)}
    assert set(found) == {"GET", "PUT"}
    assert openapi.request_parameters(DOCUMENT, found["GET"]) == {
        "method.request.path.id": True,
        "method.request.querystring.full": True,
    }


def test_bodies_of_json_have_a_model_with_all_it_refers_to() -> None:
    operation = DOCUMENT["paths"]["/orders/{id}"]["put"]
    found = openapi.request_schemas(DOCUMENT, operation)
    assert set(found) == {"application/json"}
    name, schema = found["application/json"]
    assert name == "Order"
    assert schema["properties"]["kind"] == {"type": "string", "enum": ["a", "b"]}
    assert schema["additionalProperties"] is False


def test_a_schema_without_a_name_is_called_after_its_operation() -> None:
    operation = {"operationId": "makeOrder", "requestBody": {"content": {"application/json": {"schema": {}}}}}
    assert openapi.request_schemas(DOCUMENT, operation)["application/json"][0] == "makeOrderBody"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "examples": ["x"], "x-more": 1}, {"type": "string"}),
        ({"const": 3}, {"enum": [3]}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"exclusiveMinimum": 0}, {"minimum": 0, "exclusiveMinimum": True}),
        ({"maximum": 5, "exclusiveMaximum": True}, {"maximum": 5, "exclusiveMaximum": True}),
        ({"anyOf": [{"const": 1}, {"type": "null"}]}, {"anyOf": [{"enum": [1]}, {"type": "null"}]}),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Kind"}},
         {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}),
        ({"additionalProperties": {"type": "integer", "example": 1}}, {"additionalProperties": {"type": "integer"}}),
        ({"not": False}, {"not": {"not": {}}}),
    ],
)  # fmt: skip
def test_schemas_become_draft_4(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert converted(schema) == expected


def test_what_stands_beside_a_reference_counts_too() -> None:
    assert converted({"$ref": "#/components/schemas/Kind", "default": "a"}) == {
        "type": "string",
        "enum": ["a", "b"],
        "default": "a",
    }


def test_a_schema_that_contains_itself_ends() -> None:
    assert converted({"$ref": "#/components/schemas/Tree"})["properties"] == {"below": {}}


@pytest.mark.parametrize("reference", ["other.json#/A", "#/components/schemas/Nobody"])
def test_a_reference_that_leads_nowhere_is_named(reference: str) -> None:
    with pytest.raises(openapi.DocumentError, match=reference):
        openapi.model(DOCUMENT, {"$ref": reference})
