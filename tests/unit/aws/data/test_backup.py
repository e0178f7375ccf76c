"""slipway.aws.backup_vault against moto, and backup_selection, which moto lacks, against recorded answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.stub import Stubber

from tests.support.modules import Client, Run, runner

ROLE = "arn:aws:iam::123456789012:role/shop-backup"
FILES = "arn:aws:elasticfilesystem:*:*:file-system/*"
PLAN = {"BackupPlanId": "plan-1"}
SELECTION = {**PLAN, "SelectionId": "selection-1"}
CONDITIONS = {"StringEquals": [{"ConditionKey": "aws:ResourceTag/system", "ConditionValue": "shop"}]}
FIELDS = {"SelectionName": "shop", "IamRoleArn": ROLE, "Resources": [FILES], "Conditions": CONDITIONS}


@pytest.fixture
def backup(in_moto: Client) -> Any:
    return in_moto("backup")


@pytest.fixture
def vault(backup: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("backup_vault", capsys, name="shop")


def held(backup: Any) -> dict[str, Any]:
    (vault,) = backup.list_backup_vaults()["BackupVaultList"]
    return dict(vault)


def test_a_vault_is_made_with_its_lock_and_tags(backup: Any, vault: Run) -> None:
    made = vault(lock="governance", min_retention_days=7, max_retention_days=35, tags={"system": "shop"})
    assert made["changed"] is True
    assert made["vault"]["tags"] == {"system": "shop"}
    lock = held(backup)
    assert (lock["Locked"], lock["MinRetentionDays"], lock["MaxRetentionDays"]) == (True, 7, 35)
    assert "LockDate" not in lock
    again = vault(lock="governance", min_retention_days=7, max_retention_days=35, tags={"system": "shop"})
    assert again["changed"] is False


def test_a_lock_is_changed_as_a_whole(backup: Any, vault: Run) -> None:
    vault(lock="governance", min_retention_days=7, max_retention_days=35)
    assert vault(lock="governance", min_retention_days=14, max_retention_days=35)["changed"] is True
    assert (held(backup)["MinRetentionDays"], held(backup)["MaxRetentionDays"]) == (14, 35)


def test_a_governance_lock_is_removed(backup: Any, vault: Run) -> None:
    vault(lock="governance", min_retention_days=7)
    assert vault(lock="none")["changed"] is True
    assert held(backup)["Locked"] is False


def test_a_lock_that_is_not_mentioned_stays(backup: Any, vault: Run) -> None:
    vault(lock="governance", min_retention_days=7)
    assert vault()["changed"] is False
    assert held(backup)["Locked"] is True


def test_a_compliance_lock_has_a_day_on_which_it_begins_and_is_never_loosened(backup: Any, vault: Run) -> None:
    vault(lock="compliance", min_retention_days=7)
    assert "LockDate" in held(backup)
    assert "is in compliance mode" in vault(lock="governance", min_retention_days=7)["msg"]
    assert vault(lock="compliance", min_retention_days=7)["changed"] is False


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"min_retention_days": 7}, "need lock"),
        ({"lock": "none", "max_retention_days": 7}, "need lock"),
        ({"lock": "compliance", "cooling_off_days": 1}, "AWS requires at least 3"),
    ],
)
def test_contradicting_options_are_refused_before_any_write(
    backup: Any, vault: Run, options: dict[str, Any], says: str
) -> None:
    assert says in vault(**options)["msg"]
    assert backup.list_backup_vaults()["BackupVaultList"] == []


def test_another_key_is_refused(vault: Run) -> None:
    vault(kms_key_arn="arn:aws:kms:eu-central-1:123456789012:key/one")
    assert "AWS cannot change that" in vault(kms_key_arn="arn:aws:kms:eu-central-1:123456789012:key/two")["msg"]


def test_an_empty_vault_is_deleted(backup: Any, vault: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    vault()
    points(monkeypatch, [])
    assert vault(state="absent")["changed"] is True
    assert backup.list_backup_vaults()["BackupVaultList"] == []
    assert vault(state="absent")["changed"] is False


def test_a_vault_that_governance_locks_is_unlocked_before_it_is_deleted(
    vault: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault()
    calls: list[str] = []
    client_class: Any = BaseClient
    original = client_class._make_api_call

    def answer(self: Any, operation: str, parameters: Any) -> Any:
        calls.append(operation)
        if operation in ("ListRecoveryPointsByBackupVault", "DeleteBackupVaultLockConfiguration"):
            return {"RecoveryPoints": []}
        told = original(self, operation, parameters)
        for held in told.get("BackupVaultList", []):
            held["Locked"] = True
        return told

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    assert vault(state="absent")["changed"] is True
    assert calls.index("DeleteBackupVaultLockConfiguration") < calls.index("DeleteBackupVault")


def points(monkeypatch: pytest.MonkeyPatch, arns: list[str]) -> None:
    """Let the vault hold recovery points, which moto has none of."""
    client_class: Any = BaseClient
    original = client_class._make_api_call

    def answer(self: Any, operation: str, parameters: Any) -> Any:
        if operation == "ListRecoveryPointsByBackupVault":
            return {"RecoveryPoints": [{"RecoveryPointArn": arn} for arn in arns]}
        if operation == "DeleteRecoveryPoint":
            arns.remove(parameters["RecoveryPointArn"])
            return {}
        told = original(self, operation, parameters)
        for vault in told.get("BackupVaultList", []):
            vault["NumberOfRecoveryPoints"] = len(arns)
        return told

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)


def test_a_vault_with_backups_is_not_deleted_unless_that_is_said(
    backup: Any, vault: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault()
    arns = ["arn:one", "arn:two"]
    points(monkeypatch, arns)
    assert "holds 2 recovery points. To delete them as well, set" in vault(state="absent")["msg"]
    kept = vault(state="absent", recovery_points="keep")
    assert kept["changed"] is False
    assert "holds 2 recovery points and is kept" in str(kept["warnings"])
    assert arns == ["arn:one", "arn:two"]
    assert vault(state="absent", recovery_points="delete")["changed"] is True
    assert arns == []
    assert backup.list_backup_vaults()["BackupVaultList"] == []


@pytest.fixture
def api(recorded: Callable[[str], Stubber]) -> Stubber:
    return recorded("backup")


@pytest.fixture
def selection(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(
        "backup_selection", capsys, name="shop", plan_id="plan-1",
        iam_role_arn=ROLE, resources=[FILES], resource_tags={"system": "shop"},
    )  # fmt: skip


def selected(api: Stubber, *selections: dict[str, Any]) -> None:
    """What the plan selects."""
    entries = [{"SelectionId": "selection-1", "SelectionName": each["SelectionName"]} for each in selections]
    api.add_response("list_backup_selections", {"BackupSelectionsList": entries}, PLAN)
    for each in selections:
        api.add_response("get_backup_selection", {"BackupSelection": each}, SELECTION)


def creates(api: Stubber, **fields: Any) -> None:
    api.add_response("create_backup_selection", {}, {**PLAN, "BackupSelection": {**FIELDS, **fields}})


def test_a_selection_asks_for_all_of_its_tags(api: Stubber, selection: Run) -> None:
    selected(api)
    creates(api)
    selected(api, FIELDS)
    made = selection()
    assert made["selection"]["resource_tags"] == {"system": "shop"}
    api.assert_no_pending_responses()


def test_a_selection_that_is_so_already_stays(api: Stubber, selection: Run) -> None:
    empty: dict[str, Any] = {kind: [] for kind in ("StringNotEquals", "StringLike", "StringNotLike")}
    selected(api, {**FIELDS, "Conditions": {**CONDITIONS, **empty}})
    assert selection()["changed"] is False
    api.assert_no_pending_responses()


def test_a_condition_more_is_a_difference_and_the_selection_is_made_anew(api: Stubber, selection: Run) -> None:
    more = [*CONDITIONS["StringEquals"], {"ConditionKey": "aws:ResourceTag/tier", "ConditionValue": "gold"}]
    selected(api, {**FIELDS, "Conditions": {"StringEquals": more}})
    api.add_response("delete_backup_selection", {}, SELECTION)
    creates(api)
    selected(api, FIELDS)
    assert selection()["changed"] is True
    api.assert_no_pending_responses()


def test_a_selection_of_a_plan_that_is_gone_is_gone(api: Stubber, selection: Run) -> None:
    api.add_client_error("list_backup_selections", "ResourceNotFoundException")
    assert selection(state="absent")["changed"] is False


def test_a_selection_is_deleted(api: Stubber, selection: Run) -> None:
    selected(api, FIELDS)
    api.add_response("delete_backup_selection", {}, SELECTION)
    assert selection(state="absent")["changed"] is True
    api.assert_no_pending_responses()
