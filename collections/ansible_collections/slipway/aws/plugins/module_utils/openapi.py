# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an OpenAPI document asks of API Gateway: methods by path, and the models that requests are checked against.

API Gateway's own import takes no OpenAPI 3.1, fails on keywords of newer JSON Schemas, and has to be told everything
else by extensions in the document. Here the document stays the application's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
Schema = dict[str, Any]

VERBS = ("get", "put", "post", "delete", "options", "head", "patch")
PLACES = {"path": "path", "query": "querystring", "header": "header"}
# The keywords of JSON Schema draft 4, which is the one that API Gateway knows.
PLAIN = frozenset(
    {
        "title", "description", "default", "type", "format", "enum", "pattern", "minLength", "maxLength", "minimum",
        "maximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required",
    }
)  # fmt: skip
LISTS = ("allOf", "anyOf", "oneOf")
DRAFT = "http://json-schema.org/draft-04/schema#"


class DocumentError(Exception):
    """The document asks for something that API Gateway has not."""


def operations(document: Document) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path, verb and operation of each one."""
    for path, entry in sorted(document.get("paths", {}).items()):
        for verb in VERBS:
            if verb in entry:
                shared = entry.get("parameters", [])
                operation = entry[verb]
                yield path, verb.upper(), {**operation, "parameters": [*shared, *operation.get("parameters", [])]}


def request_parameters(document: Document, operation: Mapping[str, Any]) -> dict[str, bool]:
    """The parameters of a method, and whether each one is required."""
    parameters = {}
    for entry in operation["parameters"]:
        parameter = _resolved(document, entry)
        if parameter["in"] in PLACES:
            name = f"method.request.{PLACES[parameter['in']]}.{parameter['name']}"
            parameters[name] = bool(parameter.get("required", parameter["in"] == "path"))
    return parameters


def request_schemas(document: Document, operation: Mapping[str, Any]) -> dict[str, tuple[str, Schema]]:
    """Content type -> name and schema of the model that a body of it is checked against."""
    body = _resolved(document, operation.get("requestBody", {}))
    found = {}
    for content_type, content in body.get("content", {}).items():
        if "schema" in content and "json" in content_type:
            schema = content["schema"]
            named = str(schema.get("$ref", "")).rpartition("/")[2] or f"{operation.get('operationId', '')}Body"
            found[content_type] = (re.sub(r"[^A-Za-z0-9]", "", named), model(document, schema))
    return found


def model(document: Document, schema: Mapping[str, Any]) -> Schema:
    """A schema as a model: draft 4, with what it refers to in its place."""
    return {"$schema": DRAFT, **_draft4(document, schema, ())}


def _draft4(document: Document, schema: Any, inside: tuple[str, ...]) -> Schema:
    if not isinstance(schema, Mapping):
        return {} if schema else {"not": {}}
    if "$ref" in schema:
        reference = schema["$ref"]
        if reference in inside:
            return {}  # a schema that contains itself is checked one level deep, the rest by the application
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {
            **_draft4(document, _at(document, reference), (*inside, reference)),
            **_draft4(document, beside, inside),
        }
    converted: Schema = {key: value for key, value in schema.items() if key in PLAIN}
    for key in LISTS:
        if key in schema:
            converted[key] = [_draft4(document, each, inside) for each in schema[key]]
    if "properties" in schema:
        converted["properties"] = {name: _draft4(document, each, inside) for name, each in schema["properties"].items()}
    for key in ("items", "not", "additionalProperties"):
        if key in schema:
            value = schema[key]
            # The only place where draft 4 has true and false.
            plain = key == "additionalProperties" and isinstance(value, bool)
            converted[key] = value if plain else _draft4(document, value, inside)
    return _translated(schema, converted)


def _translated(schema: Mapping[str, Any], converted: Schema) -> Schema:
    """What later drafts and OpenAPI say in other words."""
    if "const" in schema:
        converted["enum"] = [schema["const"]]
    if schema.get("nullable") and isinstance(converted.get("type"), str):
        converted["type"] = [converted["type"], "null"]
        if "enum" in converted:
            converted["enum"] = [*converted["enum"], None]
    for bound in ("minimum", "maximum"):
        exclusive = schema.get(f"exclusive{bound.capitalize()}")
        if isinstance(exclusive, bool):
            converted[f"exclusive{bound.capitalize()}"] = exclusive
        elif exclusive is not None:
            converted[bound] = exclusive
            converted[f"exclusive{bound.capitalize()}"] = True
    return converted


def _resolved(document: Document, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return _at(document, entry["$ref"]) if "$ref" in entry else entry


def _at(document: Document, reference: str) -> Any:
    if not reference.startswith("#/"):
        raise DocumentError(
            f"The document refers to {reference}; allowed: references within the document, such as #/components."
        )
    found: Any = document
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            raise DocumentError(f"The document refers to {reference}, which is not in it.")
        found = found[name]
    return found


def canonical(value: Any) -> str:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
