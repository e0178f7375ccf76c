"""Settings from the environment."""

from __future__ import annotations

import pytest

from items.settings import ConfigurationError, load_settings


def test_only_the_table_has_to_be_named() -> None:
    settings = load_settings({"TABLE_NAME": "items-prod-items"})
    assert settings.table_name == "items-prod-items"
    assert (settings.status_index, settings.app_environment, settings.origins) == ("status-index", "prod", [])


def test_origins_are_separated_by_commas() -> None:
    settings = load_settings({"TABLE_NAME": "items", "CORS_ORIGINS": "https://a.example, https://b.example,"})
    assert settings.origins == ["https://a.example", "https://b.example"]


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings({"APP_ENVIRONMENT": "moon", "IDEMPOTENCY_HOURS": "0"})
    assert all(name in str(refused.value) for name in ("TABLE_NAME", "APP_ENVIRONMENT", "IDEMPOTENCY_HOURS"))


def test_an_empty_variable_is_not_set() -> None:
    assert load_settings({"TABLE_NAME": "items", "IDEMPOTENCY_HOURS": ""}).idempotency_hours == 24
