"""Writes docs/api.md from the OpenAPI document: `python -m docs.generate`, or `--check` to only compare."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from transactions.config import load_settings
from transactions.main import create_app

TARGET = Path(__file__).parents[3] / "docs" / "api.md"

INTRODUCTION = """# The transactions API

Generated from the service's OpenAPI document, which each container serves at `/openapi.json` (and as pages at `/docs`).
To update this page, run `app/transactions/.venv/bin/python -m docs.generate` in `app/transactions`.

Set the address once; `make demo` prints it and keeps it in `.slipway/transactions-local/outputs.json`:

    URL=http://127.0.0.1:4566/_alb/transactions-local-alb

Requests carry an API key: `Authorization: Bearer <key>`. It is the field `token` of the secret
`<system>-<environment>-operator`. In bash, this adds it to every `curl` below, without showing it to those who list
processes:

    KEY=$(aws secretsmanager get-secret-value --secret-id transactions-dev-operator \\
      --query SecretString --output text | python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])')
    curl() { command curl -H @<(printf 'Authorization: Bearer %s' "$KEY") "$@"; }

The local environment needs none: its `transactions_authentication` is `none`.

- Without a key the answer is 401, except where it says "Open". If the service has been given an OpenID provider, one of
  its tokens is as good as a key.
- Over the load balancer only `/health`, `/version` and `/transaction` are reached. Probes and scrapers ask a container.
- Amounts are decimal strings with two decimal places, never numbers: most clients read a JSON number as a binary float.
- Times are UTC.
- Lists are paged, newest first. A page's `next_cursor` leads to the next page, and is null on the last one.
- A request's `X-Correlation-ID` is kept if it has at most 128 of the characters `A-Za-z0-9._:-`; otherwise the service
  generates one. It is in every response, and in every line of the service's log.
- Errors are problem documents (RFC 9457) with the content type `application/problem+json`. Programs should use `type`.
- Requests above the rate limit get 429 with `Retry-After`.
"""


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    # As it is where callers have to say who they are.
    issuer = {"oidc_issuer": "https://id.example", "oidc_audience": "transactions"}
    return create_app(load_settings(app_environment="local", log_level="ERROR", **issuer)).openapi()


def render() -> str:
    """The whole page."""
    described = document()
    parts = [INTRODUCTION]
    for path, methods in described["paths"].items():
        parts += [_operation(described, method, path, operation) for method, operation in methods.items()]
    parts.append("## Schemas\n")
    parts += [_schema(name, schema) for name, schema in sorted(described["components"]["schemas"].items())]
    return "\n".join(parts)


def _operation(described: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    lines = [f"## {method.upper()} {path}\n", f"{operation['summary']}. {operation['description']}\n"]
    if "security" not in operation:
        lines.append("Open: needs no key.\n")
    if parameters := operation.get("parameters"):
        lines += ["| parameter | in | allowed | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{each['name']}`{' (required)' if each['required'] else ''} | {each['in']}"
            f" | {_allowed(each['schema'])} | {each.get('description', '')} |"
            for each in parameters
        ]
        lines.append("")
    lines += ["| status | meaning | body |", "|---|---|---|"]
    lines += [
        f"| {status} | {response['description']} | {_body(response)} |"
        for status, response in sorted(operation["responses"].items())
    ]
    return "\n".join([*lines, "", _curl(described, method, path, operation), ""])


def _allowed(schema: dict[str, Any]) -> str:
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    kind = kinds[0]
    if "const" in kind:
        return f"`{kind['const']}`"
    bounds = [
        f"{word} {kind[key]}"
        for key, word in (("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"))
        if key in kind
    ]
    default = f", default {schema['default']}" if schema.get("default") is not None else ""
    return " ".join([kind["type"], *bounds]) + default


def _body(response: dict[str, Any]) -> str:
    for media_type, content in response.get("content", {}).items():
        name = content.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})" if name else f"`{media_type}`"
    return ""


def _curl(described: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    query = "?confirm=delete-all-transactions" if (method, path) == ("delete", "/transaction") else ""
    words = ["curl", *([] if method == "get" else ["-X", method.upper()])]
    url = f'"$URL{path.replace("{transaction_id}", "42")}{query}"'
    if "requestBody" not in operation:
        return "    " + " ".join([*words, url])
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    example = described["components"]["schemas"][reference.rsplit("/", 1)[-1]]["examples"][0]
    header = "-H 'Content-Type: application/json'"
    return f"    {' '.join([*words, url])} \\\n      {header} -d '{json.dumps(example)}'"


def _schema(name: str, schema: dict[str, Any]) -> str:
    lines = [f"### {name}\n", f"{schema['description']}\n", "| field | type | meaning |", "|---|---|---|"]
    required = set(schema.get("required", ()))
    for field, described in schema["properties"].items():
        optional = "" if field in required else " (optional)"
        lines.append(f"| `{field}`{optional} | {_type(described)} | {described.get('description', '')} |")
    if examples := schema.get("examples"):
        lines += ["", *("    " + line for line in json.dumps(examples[0], indent=2).splitlines())]
    return "\n".join([*lines, ""])


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(kind) for kind in schema["anyOf"])
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema["type"])


def main() -> int:
    """Write the page, or compare it."""
    page = render()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(page)
        return 0
    if TARGET.read_text() == page:
        return 0
    print(f"{TARGET} is not what the OpenAPI document says; run python -m docs.generate", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
