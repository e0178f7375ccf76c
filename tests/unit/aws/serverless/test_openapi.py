"""What an OpenAPI document asks of API Gateway."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator  # type: ignore[import-untyped]

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
            "Value": {
                "type": "object",
                "properties": {"v": {"oneOf": [{"type": "string"}, {"$ref": "#/components/schemas/Value"}]}},
            },
            "Stored": {"type": "object", "properties": {"id": {"type": "string", "readOnly": True}}},
            "Round": {"$ref": "#/components/schemas/AndRound"},
            "AndRound": {"$ref": "#/components/schemas/Round"},
        },
    },
}
WHOLE = {"type": "number", "multipleOf": 1}


def document(paths: dict[str, Any], version: str = "3.1.0", **components: Any) -> dict[str, Any]:
    return {"openapi": version, "paths": paths, "components": components}


def with_body(schema: Any, kind: str = "application/json", **operation: Any) -> dict[str, Any]:
    """An operation that takes such a body."""
    return {"requestBody": {"content": {kind: {"schema": schema}}}, **operation}


def models(given_document: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Verb and path -> content type -> name of the model."""
    found = openapi.described(given_document)
    return {f"{each.verb} {each.path}": dict(each.models) for each in found.operations}


def parameters(*given_parameters: Any, path: str = "/a") -> dict[str, bool]:
    (operation,) = openapi.described(document({path: {"get": {"parameters": list(given_parameters)}}})).operations
    return dict(operation.parameters)


def converted(schema: dict[str, Any], version: str = "3.1.0") -> dict[str, Any]:
    """A schema as a model, without the line that every model has."""
    model = openapi.model({**DOCUMENT, "openapi": version}, schema)
    Draft4Validator.check_schema(model)
    assert model.pop("$schema") == openapi.DRAFT
    return model


def lets_pass(schema: dict[str, Any], body: Any, version: str = "3.1.0") -> bool:
    """Whether the gateway takes a body."""
    return bool(Draft4Validator(converted(schema, version)).is_valid(body))


# -- operations and paths ------------------------------------------------------------------------------------


def test_operations_have_the_parameters_of_their_path() -> None:
    found = {each.verb: each for each in openapi.described(DOCUMENT).operations}
    assert set(found) == {"GET", "PUT"}
    assert found["GET"].parameters == {"method.request.path.id": True, "method.request.querystring.full": True}


@pytest.mark.parametrize(
    "paths",
    [
        {"/orders": {"$ref": "#/components/pathItems/Orders"}},
        {"/orders": {"$ref": "#/components/pathItems/AsOrders", "summary": "Orders"}},
        {"/orders": {"$ref": "#/paths/~1others"}, "/others": {"get": {"operationId": "listOrders"}}},
    ],
)
def test_operations_behind_a_reference_are_there(paths: dict[str, Any]) -> None:
    items = {"Orders": {"get": {"operationId": "listOrders"}}, "AsOrders": {"$ref": "#/components/pathItems/Orders"}}
    found = openapi.described(document(paths, pathItems=items)).operations
    assert ("GET", "/orders", "listOrders") in [(each.verb, each.path, each.name) for each in found]


def test_a_path_may_add_to_what_it_refers_to() -> None:
    paths = {"/orders": {"$ref": "#/components/pathItems/Orders", "post": {}}}
    assert set(models(document(paths, pathItems={"Orders": {"get": {}}}))) == {"GET /orders", "POST /orders"}


def test_a_slash_at_the_end_is_no_part_of_a_resource() -> None:
    found = openapi.described(document({"/": {"get": {}}, "/orders/": {"get": {}}, "/orders/{id}/": {"get": {}}}))
    assert [(each.path, each.written) for each in found.operations] == [
        ("/", "/"), ("/orders", "/orders/"), ("/orders/{id}", "/orders/{id}/"),
    ]  # fmt: skip


def test_paths_that_differ_by_a_slash_are_one_if_their_methods_differ() -> None:
    assert set(models(document({"/a": {"get": {}}, "/a/": {"post": {}}}))) == {"GET /a", "POST /a"}


def test_extensions_are_no_paths() -> None:
    assert set(models(document({"x-more": "anything", "/a": {"get": {}, "x-verb": 1}}))) == {"GET /a"}


# -- parameters ----------------------------------------------------------------------------------------------


def test_what_an_operation_says_of_a_parameter_counts_more_than_what_its_path_says() -> None:
    shared = [{"name": "q", "in": "query", "required": True}, {"name": "X-Id", "in": "header", "required": True}]
    own = [{"name": "q", "in": "query"}, {"name": "x-id", "in": "header"}]
    (found,) = openapi.described(document({"/a": {"parameters": shared, "get": {"parameters": own}}})).operations
    assert found.parameters == {"method.request.querystring.q": False, "method.request.header.x-id": False}


@pytest.mark.parametrize(
    "parameter",
    [
        {"name": "session", "in": "cookie", "required": True},
        {"name": "Content-Type", "in": "header", "required": True},
        {"name": "filter[state]", "in": "query", "required": True},
        {"name": "filter", "in": "query", "required": True, "style": "deepObject", "schema": {"type": "object"}},
        {"name": "filter", "in": "query", "required": True, "schema": {"$ref": "#/components/schemas/Filter"}},
    ],
)
def test_parameters_that_the_gateway_cannot_see_are_left_to_the_application(parameter: dict[str, Any]) -> None:
    components = {"Filter": {"allOf": [{"type": ["object", "null"]}]}}
    paths = {"/a": {"get": {"parameters": [parameter]}}}
    assert openapi.described(document(paths, schemas=components)).operations[0].parameters == {}


def test_a_parameter_that_may_be_empty_is_not_required_by_the_gateway() -> None:
    empty = {"name": "q", "in": "query", "required": True, "allowEmptyValue": True}
    assert parameters(empty) == {"method.request.querystring.q": False}


def test_the_rest_of_a_path_may_be_a_parameter() -> None:
    assert parameters({"name": "rest", "in": "path"}, path="/a/{rest+}") == {"method.request.path.rest": True}


# -- bodies, and what their models are called ----------------------------------------------------------------


def test_bodies_of_json_have_a_model_with_all_it_refers_to() -> None:
    found = openapi.described(DOCUMENT)
    assert models(DOCUMENT)["PUT /orders/{id}"] == {"application/json": "Order"}
    assert found.models["Order"]["properties"]["kind"] == {"type": "string", "enum": ["a", "b"]}
    assert found.models["Order"]["additionalProperties"] is False


def test_a_schema_without_a_name_is_called_after_its_operation() -> None:
    assert models(document({"/a": {"post": with_body({}, operationId="makeOrder")}})) == {
        "POST /a": {"application/json": "makeOrderBody"}
    }


def test_without_operation_ids_each_body_has_a_model_of_its_own() -> None:
    paths = {"/a": {"post": with_body({"required": ["x"]})}, "/a/{id}": {"put": with_body({"required": ["y"]})}}
    found = openapi.described(document(paths))
    assert models(document(paths)) == {
        "POST /a": {"application/json": "PostABody"}, "PUT /a/{id}": {"application/json": "PutAIdBody"},
    }  # fmt: skip
    assert {name: schema["required"] for name, schema in found.models.items()} == {
        "PostABody": ["x"], "PutAIdBody": ["y"],
    }  # fmt: skip


def test_each_content_type_of_an_operation_is_checked_by_its_own_schema() -> None:
    content = {
        "application/json": {"schema": {"required": ["x"]}},
        "application/merge-patch+json": {"schema": {"type": "object"}},
    }
    paths = {"/a": {"patch": {"operationId": "change", "requestBody": {"content": content}}}}
    assert models(document(paths))["PATCH /a"] == {
        "application/json": "changeBody", "application/merge-patch+json": "changeMergePatchJsonBody",
    }  # fmt: skip


def test_what_comes_after_a_content_type_makes_no_difference_to_the_gateway() -> None:
    same = {"application/json; charset=utf-8": {"schema": {"type": "object"}}}
    other = {"application/json": {"schema": {"type": "array"}}}
    paths = {"/a": {"put": {"requestBody": {"content": same}}, "post": {"requestBody": {"content": same | other}}}}
    assert models(document(paths)) == {"PUT /a": {"application/json": "PutABody"}, "POST /a": {}}


@pytest.mark.parametrize("kind", ["application/json-seq", "application/*", "*/*", "application/x-ndjson"])
def test_what_is_not_one_json_document_is_not_checked(kind: str) -> None:
    assert models(document({"/a": {"post": with_body({"type": "object"}, kind)}})) == {"POST /a": {}}


@pytest.mark.parametrize(("version", "count"), [("3.0.3", 0), ("3.1.0", 1)])
def test_bodies_of_deletions_are_ignored_where_openapi_ignores_them(version: str, count: int) -> None:
    assert len(models(document({"/a": {"delete": with_body({})}}, version))["DELETE /a"]) == count


@pytest.mark.parametrize("name", ["Error", "Empty", "注文", "Ώρα-٣", "-", "A" * 200, "error"])
def test_a_name_that_will_not_do_gets_a_digest(name: str) -> None:
    paths = {"/a": {"post": with_body({"$ref": f"#/components/schemas/{name}"})}}
    (found,) = openapi.described(document(paths, schemas={name: {}})).models
    assert re.fullmatch(r"[A-Za-z0-9]{1,64}", found)
    assert found not in ("Error", "Empty")


@pytest.mark.parametrize(("one", "other"), [("Order.New", "OrderNew"), ("order", "Order"), ("注文", "注文書")])
def test_names_that_would_be_the_same_are_told_apart(one: str, other: str) -> None:
    paths = {f"/{place}": {"post": with_body({"$ref": f"#/components/schemas/{name}"})}
             for place, name in (("a", one), ("b", other))}  # fmt: skip
    found = openapi.described(document(paths, schemas={one: {"required": ["x"]}, other: {"required": ["y"]}}))
    assert len({name.lower() for name in found.models}) == 2


def test_a_schema_has_one_model_however_it_is_spelled() -> None:
    paths = {"/a": {"post": with_body({"$ref": "#/components/schemas/New%20Order"}),
                    "put": with_body({"$ref": "#/components/schemas/New Order"})}}  # fmt: skip
    assert set(openapi.described(document(paths, schemas={"New Order": {}})).models) == {"NewOrder"}


def test_a_shared_body_is_called_by_its_own_name() -> None:
    body = {"content": {"application/json": {"schema": {"type": "object"}}}}
    paths = {path: {"post": {"requestBody": {"$ref": "#/components/requestBodies/Order"}}} for path in ("/a", "/b")}
    assert set(openapi.described(document(paths, requestBodies={"Order": body})).models) == {"OrderBody"}


# -- schemas as models ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "examples": ["x"], "x-more": 1}, {"type": "string"}),
        ({"const": 3}, {"enum": [3]}),
        ({"exclusiveMinimum": 0}, {"minimum": 0, "exclusiveMinimum": True}),
        ({"minimum": 5, "exclusiveMinimum": 3}, {"minimum": 5}),
        ({"minimum": 5, "exclusiveMinimum": 5}, {"minimum": 5, "exclusiveMinimum": True}),
        ({"maximum": 5, "exclusiveMaximum": True}, {"maximum": 5, "exclusiveMaximum": True}),
        ({"exclusiveMaximum": True}, {}),
        ({"anyOf": [{"const": 1}, {"type": "null"}]}, {"anyOf": [{"enum": [1]}, {"type": "null"}]}),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Kind"}},
         {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}),
        ({"type": "array", "prefixItems": [{"type": "null"}], "items": False},
         {"type": "array", "items": [{"type": "null"}], "additionalItems": False}),
        ({"items": False}, {"items": {"not": {}}}),
        ({"additionalProperties": {"type": "string", "example": 1}}, {"additionalProperties": {"type": "string"}}),
        ({"patternProperties": {"^x-": True}, "additionalProperties": False},
         {"patternProperties": {"^x-": {}}, "additionalProperties": False}),
        ({"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"a": {"minProperties": 3}}},
         {"dependencies": {"a": {"allOf": [{"required": ["b"]}, {"minProperties": 3}]}}}),
        ({"not": False}, {"not": {"not": {}}}),
        ({"type": "integer"}, WHOLE), ({"type": ["integer", "null"]}, {"type": ["number", "null"], "multipleOf": 1}),
        ({"type": "integer", "multipleOf": 5}, {"type": "number", "multipleOf": 5}),
        ({"type": "integer", "multipleOf": 0.5}, {**WHOLE, "allOf": [{"multipleOf": 0.5}]}),
        ({"type": ["integer", "number"]}, {"type": ["number"]}),
        ({"required": []}, {}), ({"required": ["a", "a"]}, {"required": ["a"]}), ({"enum": []}, {"not": {}}),
        ({"enum": [1, 1]}, {"enum": [1]}), ({"minLength": 2.0}, {"minLength": 2}),
        ({"enum": [], "not": {"type": "null"}}, {"not": {}, "allOf": [{"not": {"type": "null"}}]}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"oneOf": [{"type": "string"}, {"type": "null"}]}),
    ],
)  # fmt: skip
def test_schemas_become_draft_4(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert converted(schema) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"nullable": True, "allOf": [{"type": "string"}]},
         {"anyOf": [{"enum": [None]}, {"allOf": [{"type": "string"}]}]}),
        ({"$ref": "#/components/schemas/Kind", "nullable": True},
         {"type": ["string", "null"], "enum": ["a", "b", None]}),
        ({"$ref": "#/components/schemas/Kind", "minLength": 5}, {"type": "string", "enum": ["a", "b"]}),
    ],
)  # fmt: skip
def test_schemas_of_openapi_3_0_become_draft_4(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert converted(schema, "3.0.3") == expected


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        pytest.param({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False}, {"x-a": "b"},
                     id="names-by-a-pattern"),
        pytest.param({"patternProperties": {r"^\p{L}+$": {}}, "additionalProperties": False}, {"é": 1},
                     id="names-by-a-foreign-pattern"),
        pytest.param({"prefixItems": [{"type": "number"}] * 2, "items": False}, [1, 2], id="a-pair"),
        pytest.param({"$ref": "#/components/schemas/Value"}, {"v": "a"}, id="one-like-itself"),
        pytest.param({"not": {"contains": {"const": 1}}}, [2], id="not-what-draft-4-does-not-know"),
        pytest.param({"not": {"format": "email"}}, "a", id="not-of-a-format"),
        pytest.param({"not": {"properties": {"a": {"if": True, "then": False}}}}, {"a": 1}, id="not-of-a-choice"),
        pytest.param({"oneOf": [{"contains": {"const": 1}}, {"contains": {"const": 2}}]}, [2], id="one-of-unknown"),
        pytest.param({"oneOf": [{"type": "object", "propertyNames": {"maxLength": 1}}, {"required": ["long"]}]},
                     {"long": 1}, id="one-of-names"),
        pytest.param({"type": "integer"}, 1.0, id="a-whole-number"),
        pytest.param({"not": {"type": "integer"}}, 1.5, id="no-whole-number"),
        pytest.param({"type": "string", "pattern": r"^\p{Lu}"}, "Éa", id="a-foreign-expression"),
        pytest.param({"pattern": r"(?<year>\d{4})"}, "2024", id="a-named-group"),
        pytest.param({"$ref": "#/components/schemas/Tree", "required": ["more"], "properties": {"more": {}}},
                     {"more": 1, "below": {}}, id="beside-a-reference"),
        pytest.param({"allOf": [{"$ref": "#/components/schemas/Stored"}, {"required": ["id"]}]}, {},
                     id="what-only-answers-have"),
        pytest.param({"discriminator": {"propertyName": "k"}, "oneOf": [{"required": ["k"]}, {"required": ["k"]}]},
                     {"k": "a"}, id="a-discriminator-chooses"),
        pytest.param({"unevaluatedProperties": False, "allOf": [{"properties": {"a": {}}}]}, {"a": 1},
                     id="what-is-left-over"),
        pytest.param({"type": "string", "format": "date-time"}, "2024-01-01t00:00:00z", id="a-format"),
    ],
)  # fmt: skip
def test_a_model_is_not_stricter_than_its_schema(schema: dict[str, Any], body: Any) -> None:
    assert lets_pass(schema, body)


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ({"oneOf": [{"type": "integer"}, {"minimum": 5}]}, 6),
        ({"not": {"required": ["a"], "properties": {"a": {"type": "string", "title": "A"}}}}, {"a": "x"}),
        ({"prefixItems": [{"type": "number"}], "items": False}, [1, 2]),
        ({"$ref": "#/components/schemas/Kind", "maxLength": 0}, "a"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}), ({"type": "integer"}, 1.5),
    ],
)  # fmt: skip
def test_what_draft_4_can_say_is_checked(schema: dict[str, Any], body: Any) -> None:
    assert not lets_pass(schema, body)


BODIES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 0.5, 1.0, "", "a", "x-a", "é"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "x-a"]), below, max_size=3),
    max_leaves=5,
)


def _schemas(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(below, min_size=1, max_size=3)
    named = st.dictionaries(st.sampled_from(["a", "b", "x-a"]), below, max_size=2)
    names = st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True)
    types = st.sampled_from(openapi.TYPES)
    return st.booleans() | st.fixed_dictionaries(
        {},
        optional={
            "type": types | st.lists(types, min_size=1, max_size=3, unique=True), "const": BODIES,
            "enum": st.lists(BODIES, max_size=3), "minimum": st.integers(-1, 2), "exclusiveMaximum": st.integers(-1, 2),
            "maxLength": st.integers(0, 2), "multipleOf": st.sampled_from([0.5, 1, 2]), "required": names,
            "properties": named, "patternProperties": st.dictionaries(st.sampled_from(["^x-", r"^\p{L}$"]), below),
            "additionalProperties": below, "prefixItems": some, "items": below, "contains": below, "allOf": some,
            "anyOf": some, "oneOf": some, "not": below, "if": below, "then": below, "dependentSchemas": named,
            "dependentRequired": st.dictionaries(st.just("a"), names), "propertyNames": below,
            "unevaluatedProperties": below, "uniqueItems": st.booleans(),
            "$ref": st.sampled_from([f"#/components/schemas/{name}" for name in ("Order", "Kind", "Tree", "Value")]),
        },
    )  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(schema=st.recursive(st.booleans(), _schemas, max_leaves=6), body=BODIES)
def test_whatever_a_schema_lets_pass_its_model_does_too(schema: Any, body: Any) -> None:
    components = {"components": {"schemas": {
        name: DOCUMENT["components"]["schemas"][name] for name in ("Order", "Kind", "Tree", "Value")}}}  # fmt: skip
    # Python's regular expressions have no \p; what it stands for here is one letter.
    whole = json.loads(json.dumps({**components, "allOf": [schema]}).replace(r"\\p{L}", "[a-zé]"))
    model = openapi.model(DOCUMENT, schema)
    Draft4Validator.check_schema(model)
    if Draft202012Validator(whole).is_valid(body):
        assert Draft4Validator(model).is_valid(body), model


def test_what_stands_beside_a_reference_counts_too() -> None:
    assert converted({"$ref": "#/components/schemas/Kind", "default": "a"}) == {
        "type": "string",
        "enum": ["a", "b"],
        "default": "a",
    }


def test_a_schema_that_contains_itself_ends() -> None:
    assert converted({"$ref": "#/components/schemas/Tree"})["properties"] == {"below": {}}


def test_schemas_that_would_make_a_model_too_large_are_checked_in_part() -> None:
    wide = {f"S{level}": {"properties": {f"p{each}": {"$ref": f"#/components/schemas/S{level + 1}"}
            for each in range(10)}} for level in range(9)} | {"S9": {"type": "string"}}  # fmt: skip
    model = openapi.model(document({}, schemas=wide), {"$ref": "#/components/schemas/S0"})
    assert "p9" in model["properties"]
    assert len(json.dumps(model)) <= openapi.LARGEST_MODEL


def test_references_are_relative_to_the_schema_with_an_id() -> None:
    own = {"$id": "https://shop.example/order", "$ref": "#/$defs/Kind", "$defs": {"Kind": {"const": 1}}}
    found = openapi.model(document({}, schemas={"Order": own}), {"$ref": "#/components/schemas/Order"})
    assert found["enum"] == [1]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("New%20Order", "New Order"), ("a~1b", "a/b"), ("a~0b", "a~b"), ("a%7E1b", "a/b"), ("~01", "~1"),
        ("%E6%B3%A8", "注"), ("Page%5BOrder%5D", "Page[Order]"),
    ],
)  # fmt: skip
def test_references_are_decoded(reference: str, name: str) -> None:
    schemas = {name: {"enum": [7]}}
    assert openapi.model(document({}, schemas=schemas), {"$ref": f"#/components/schemas/{reference}"})["enum"] == [7]


def test_references_go_through_lists() -> None:
    schemas = {"Either": {"anyOf": [{"enum": [1]}, {"enum": [2]}]}}
    assert openapi.model(document({}, schemas=schemas), {"$ref": "#/components/schemas/Either/anyOf/1"})["enum"] == [2]


# -- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference",
    ["other.json#/A", "#/components/schemas/Nobody", "https://shop.example/a.json", "#Order",
     "#/components/schemas/Round"],
)  # fmt: skip
def test_a_reference_that_leads_nowhere_is_named(reference: str) -> None:
    with pytest.raises(openapi.DocumentError, match=re.escape(reference.removesuffix("Round"))):
        openapi.model(DOCUMENT, {"$ref": reference})


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ([], "#/paths is []; allowed: an object"),
        ({}, "#/paths has no operations"),
        ({"/a": {}}, "#/paths has no operations"),
        ({"/a": None}, "#/paths/~1a is null; allowed: an object with operations"),
        ({"/a": {"get": None}}, "#/paths/~1a/get is null; allowed: an operation"),
        ({"/a": {"trace": {}}}, "#/paths/~1a/trace is a method that API Gateway has not; allowed: get, put"),
        ({"a": {"get": {}}}, "#/paths/a is a path that API Gateway cannot have"),
        ({"/a//b": {"get": {}}}, "#/paths/~1a~1~1b is a path that API Gateway cannot have"),
        ({"/{id}.json": {"get": {}}}, "#/paths/~1{id}.json is a path that API Gateway cannot have"),
        ({"/a/{b+}/c": {"get": {}}}, "#/paths/~1a~1{b+}~1c goes on after"),
        ({"/{a}/{a}": {"get": {}}}, "#/paths/~1{a}~1{a} has two parameters of one name"),
        ({"/a/{id}": {"get": {}}, "/a/{key}/b": {"get": {}}},
         "#/paths/~1a~1{key}~1b has the parameter {key} where #/paths/~1a~1{id} has {id}"),
        ({"/a": {"get": {}}, "/a/": {"get": {}}}, "#/paths has GET for both /a and /a/"),
        ({"/a": {"$ref": "orders.yaml"}}, "#/paths/~1a/$ref is orders.yaml; allowed: references within the document"),
        ({"/a": {"$ref": "#/paths/~1a"}}, "#/paths/~1a refers to #/paths/~1a, which leads back to itself"),
        ({"/a": {"$ref": "#/paths/~1b"}, "/b": {"$ref": "#/paths/~1a"}}, "which leads back to itself"),
        ({"/a": {"$ref": "#/paths/~1b", "get": {}}, "/b": {"get": {}}}, "#/paths/~1a/get is also in #/paths/~1b"),
        ({"/a": {"get": {"operationId": 5}}}, "#/paths/~1a/get/operationId is 5; allowed: a text"),
        ({"/a": {"get": {"parameters": {}}}}, "#/paths/~1a/get/parameters is {}; allowed: a list"),
        ({"/a": {"get": {"parameters": [{"in": "body", "name": "b"}]}}}, "#/paths/~1a/get/parameters/0 is"),
        ({"/a": {"get": {"parameters": [{"in": "path", "name": "b"}]}}}, "is the path parameter b, which /a has not"),
        ({"/a": {"get": {"parameters": [{"in": "query", "name": "b", "required": "yes"}]}}},
         "#/paths/~1a/get/parameters/0/required is \"yes\"; allowed: true or false"),
        ({"/a": {"post": {"requestBody": {"$ref": "#/nowhere"}}}},
         "#/paths/~1a/post/requestBody/$ref is #/nowhere, which is not in the document"),
        ({"/a": {"post": with_body({"properties": {"b": {"type": "file"}}})}},
         "schema/properties/b/type is \"file\"; allowed: array, boolean"),
        ({"/a": {"post": with_body({"required": True})}}, "schema/required is true; allowed: a list of names"),
        ({"/a": {"post": with_body({"items": 5})}}, "schema/items is 5; allowed: a schema"),
        ({"/a": {"post": with_body({"minimum": "5"})}}, "schema/minimum is \"5\"; allowed: a number"),
        ({"/a": {"post": with_body({"maxLength": -1})}}, "schema/maxLength is -1; allowed: an integer from 0"),
        ({"/a": {"post": with_body({"anyOf": {}})}}, "schema/anyOf is {}; allowed: a list of schemas"),
        ({"/a": {"post": with_body({"properties": []})}}, "schema/properties is []; allowed: an object"),
        ({"/a": {"post": with_body(None)}}, "application~1json/schema is null; allowed: a schema"),
        ({"/a": {"post": with_body({"enum": "a"})}}, "schema/enum is \"a\"; allowed: a list of values"),
    ],
)  # fmt: skip
def test_what_api_gateway_cannot_have_is_named_with_its_place(paths: Any, said: str) -> None:
    with pytest.raises(openapi.DocumentError, match=re.escape(said)):
        openapi.described(document(paths))


def test_all_mistakes_are_told_at_once() -> None:
    paths = {"/{a}.b": {"get": {}}, "/c": {"trace": {}, "post": with_body({"$ref": "#/nowhere"})}}
    with pytest.raises(openapi.DocumentError) as refusal:
        openapi.described(document(paths))
    assert all(text in str(refusal.value) for text in ("~1{a}.b", "~1c/trace", "#/nowhere"))
