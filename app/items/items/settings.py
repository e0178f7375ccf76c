"""Settings from the function's environment, and what the package knows of itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# Written by the build beside the package; absent in a checkout.
RELEASE = Path(__file__).parents[1] / "release.json"


class ConfigurationError(Exception):
    """The environment does not describe a function that could work."""


class Settings(BaseModel):
    """Every setting has the upper-case environment variable of the same name."""

    model_config = ConfigDict(frozen=True)

    table_name: Annotated[str, Field(min_length=3, max_length=255)]
    status_index: str = "status-index"
    # Unset means production.
    app_environment: Literal["local", "dev", "staging", "prod"] = "prod"
    # Origins of pages in browsers that may call, separated by commas; none unless they are named.
    cors_origins: str = ""
    idempotency_hours: Annotated[int, Field(ge=1, le=168)] = 24

    @property
    def origins(self) -> list[str]:
        """The origins, one by one."""
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the environment; every mistake in it is named in one error."""
    named = {name: environment[name.upper()] for name in Settings.model_fields if environment.get(name.upper())}
    try:
        return Settings.model_validate(named)
    except ValidationError as error:
        mistakes = [
            f"{'.'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("invalid configuration\n  " + "\n  ".join(mistakes)) from None


def commit(release: Path = RELEASE) -> str:
    """The commit that the package was built from."""
    return str(json.loads(release.read_text())["commit"]) if release.exists() else "unknown"
