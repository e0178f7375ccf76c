"""Runs a module of ours as Ansible does, in the process of the test."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

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
