"""Writes openapi.json: `python -m docs.openapi`, or `--check` to only compare."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer

from items.api import create_app
from items.repository import ItemRepository
from items.settings import Settings

TARGET = Path(__file__).parents[1] / "openapi.json"
# API Gateway reads this version and none later.
VERSION = "3.0.3"
# The library makes floating-point numbers of them.
BOUNDS = {"minimum", "maximum"}


def document() -> dict[str, Any]:
    """The document, as API Gateway reads it."""
    app = create_app(Settings(table_name="items"), Mock(ItemRepository), Mock(BasePersistenceLayer))
    described = json.loads(app.get_openapi_json_schema())
    described["openapi"] = VERSION
    # Gateways have addresses of their own.
    del described["servers"]
    for name in ("HTTPValidationError", "ResponseValidationError", "ValidationError"):
        described["components"]["schemas"].pop(name, None)
    for part in ("paths", "components"):
        described[part] = downgraded(described[part])
    for methods in described["paths"].values():
        for operation in methods.values():
            tidy(operation)
    return cast(dict[str, Any], described)


def tidy(operation: dict[str, Any]) -> None:
    """Take out what the library adds and the service does not do."""
    responses = operation["responses"]
    # The library's own answer to requests that are not valid; ours is 400.
    if "HTTPValidationError" in json.dumps(responses.get("422", {})):
        del responses["422"]
    if "204" in responses:
        responses["204"].pop("content", None)
    for parameter in operation.get("parameters", ()):
        parameter["schema"].pop("nullable", None)


def downgraded(schema: Any) -> Any:
    """What OpenAPI 3.1 says, as 3.0 says it: `nullable` for a null among the types, one `example` for a list."""
    if isinstance(schema, list):
        return [downgraded(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # Values are not schemas. A title that is not a field's name is the name in other words.
    plain = {
        name: value if name == "examples" else downgraded(value)
        for name, value in schema.items()
        if name != "title" or not isinstance(value, str)
    }
    plain |= {name: int(value) for name, value in plain.items() if name in BOUNDS}
    kinds = [kind for kind in plain.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del plain["anyOf"]
        nullable = kinds[0] if "$ref" not in kinds[0] else {"allOf": kinds}
        plain = {**nullable, **plain, "nullable": True}
    if isinstance(plain.get("examples"), list):
        plain["example"] = plain.pop("examples")[0]
    return plain


def main() -> int:
    """Write the document, or compare it."""
    text = json.dumps(document(), indent=2) + "\n"
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
        return 0
    if TARGET.exists() and TARGET.read_text() == text:
        return 0
    print(f"{TARGET} is not what the code says; run python -m docs.openapi", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
