"""docs/api.md says what the OpenAPI document says."""

from __future__ import annotations

from docs.generate import TARGET, document, render


def test_page_is_up_to_date() -> None:
    assert TARGET.read_text() == render(), "run python -m docs.generate in app/transactions"


def test_page_names_every_operation_parameter_and_status() -> None:
    page = TARGET.read_text()
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            section = page.split(f"## {method.upper()} {path}\n", 1)[1].split("\n## ", 1)[0]
            assert "curl" in section
            for parameter in operation.get("parameters", ()):
                assert f"`{parameter['name']}`" in section
            for status in operation["responses"]:
                assert f"| {status} |" in section
