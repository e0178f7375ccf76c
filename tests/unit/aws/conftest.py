"""What the tests of modules share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.loaders
import botocore.session
import pytest


@pytest.fixture(scope="session", autouse=True)
def service_models() -> Iterator[None]:
    """One loader for all sessions: every module makes its clients anew, and parsing their models takes longest."""
    loader: Any = botocore.loaders.create_loader()
    patch = pytest.MonkeyPatch()
    patch.setattr(botocore.session, "create_loader", lambda *_args, **_kwargs: loader)
    patch.setattr(botocore.loaders, "create_loader", lambda *_args, **_kwargs: loader)
    yield
    patch.undo()
