"""Runs a module of ours as Ansible does, in the process of the test."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from botocore.client import BaseClient
from botocore.exceptions import ClientError

Run = Callable[..., dict[str, Any]]
# Makes a boto3 client of a service.
Client = Callable[[str], Any]
REGION = "eu-central-1"


def runner(module: str, capsys: pytest.CaptureFixture[str], **always: Any) -> Run:
    """A function that runs a module as Ansible does and returns its result."""
    main = importlib.import_module(f"ansible_collections.slipway.aws.plugins.modules.{module}").main

    def run(check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {"region": REGION, "_ansible_check_mode": check, **always, **options}
        capsys.readouterr()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
        return result

    return run


def first_answers(monkeypatch: pytest.MonkeyPatch, **of_operations: list[Any]) -> None:
    """Let the first calls of some operations be answered so, one after the other; text is the code of an error, and
    after a colon its message.

    Nothing waits in between.
    """
    client_class: Any = BaseClient
    original = client_class._make_api_call

    def answer(self: Any, operation: str, parameters: Any) -> Any:
        waiting = of_operations.get(operation)
        if not waiting:
            return original(self, operation, parameters)
        told = waiting.pop(0)
        if isinstance(told, str):
            code, _, message = told.partition(": ")
            raise ClientError({"Error": {"Code": code, "Message": message or "not yet"}}, operation)
        return told

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    monkeypatch.setattr("time.sleep", lambda _: None)
