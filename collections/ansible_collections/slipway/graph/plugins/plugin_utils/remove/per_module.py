# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a module's call differs when it deletes: one table for the modules that need more than ``state: absent``."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import functools
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import fragment_loader, module_loader
from ansible.utils.plugin_docs import get_docstring

Arguments = dict[str, t.Any]
# Looks a key up in what the read pass found.
Found = c.Callable[[str], t.Any]
# A replica has no snapshot of its own, and a member of a cluster has the cluster's; in these states AWS takes none:
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
WITHOUT_SNAPSHOT = ("read_replica_source_db_instance_identifier", "db_cluster_identifier")
UNABLE_TO_SNAPSHOT = ("failed", "incompatible-network", "incompatible-restore")
# What a module returns in the place of a secret argument.
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


@dataclasses.dataclass(frozen=True)
class Unprotection:
    """How a resource is told that it may be deleted, before it is.

    ``options`` replace those of the task; ``keep`` are the only ones of the task that stay, all if it is empty.
    ``protected`` is the key of the result that says whether this is needed at all.
    """

    options: Arguments
    protected: str
    keep: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class LastBackup:
    """The call that takes a last backup of what is protected and proves that it is one, before it is deleted."""

    module: str
    options: c.Callable[[Arguments, str], Arguments]


@dataclasses.dataclass(frozen=True)
class Deletion:
    """How a module's call differs when it deletes.

    ``add`` are options to add, ``from_result`` options to fill from what was found. ``identity`` are the only options
    that deleting needs: such a resource is deleted even when its other inputs do not exist (any more), and ``look`` are
    options in the place of others while it is only asked whether there is something to delete; of what it returns,
    ``kept`` says that the resource stays, and with it what it needs. ``backup`` comes before the deletion of what is
    protected, ``snapshot`` makes the options by which that itself keeps the data; ``unprotected`` those that the
    deletion of what is not protected needs. Each is told the time of the run, for names.
    """

    add: Arguments = dataclasses.field(default_factory=dict)
    from_result: dict[str, str] = dataclasses.field(default_factory=dict)
    identity: tuple[str, ...] = ()
    look: Arguments = dataclasses.field(default_factory=dict)
    unprotection: Unprotection | None = None
    backup: LastBackup | None = None
    snapshot: c.Callable[[Arguments, str], Arguments] = lambda _given, _time: {}
    unprotected: c.Callable[[Arguments, Found, str], Arguments] = lambda _given, _found, _time: {}


def time_of(moment: datetime.datetime) -> str:
    """The time of a run as it stands in names."""
    return f"{moment:%Y%m%d-%H%M%S}"


def _final(name: str, time: str) -> str:
    """A name for a last snapshot that no earlier one has: snapshots outlive what they are of."""
    return f"{name}-final-{time}"


def _instance_snapshot(given: Arguments, found: Found, time: str) -> Arguments:
    """A last snapshot, unless the task says that none is wanted or names it, or there can be none."""
    if _says(given, "skip_final_snapshot"):
        return {}
    if any(found(key) for key in WITHOUT_SNAPSHOT) or found("db_instance_status") in UNABLE_TO_SNAPSHOT:
        return {"skip_final_snapshot": True, "final_db_snapshot_identifier": None}
    if given.get("final_db_snapshot_identifier"):
        return {}
    return {"final_db_snapshot_identifier": _final(given["db_instance_identifier"], time)}


def _cluster_snapshot(given: Arguments, _found: Found, time: str) -> Arguments:
    if _says(given, "skip_final_snapshot") or given.get("final_snapshot_identifier"):
        return {}
    return {"final_snapshot_identifier": _final(given["db_cluster_identifier"], time)}


def _says(given: Arguments, option: str) -> bool:
    return bool(boolean(given.get(option) or False, strict=False))


_LOAD_BALANCER = Deletion(
    add={"wait": True}, unprotection=Unprotection({"deletion_protection": False}, "deletion_protection_enabled")
)
# Options without which `state: absent` deletes nothing, refuses, or leaves something behind.
EXCEPTIONS = {
    "amazon.aws.s3_bucket": Deletion(add={"force": True}),
    "amazon.aws.rds_instance": Deletion(
        add={"wait": True},
        unprotection=Unprotection(
            {"deletion_protection": False, "apply_immediately": True, "state": "present"},
            "deletion_protection",
            keep=("db_instance_identifier", "region"),
        ),
        backup=LastBackup(
            "slipway.aws.rds_last_snapshot",
            lambda given, time: {
                "db_instance_identifier": given["db_instance_identifier"],
                "db_snapshot_identifier": _final(given["db_instance_identifier"], time),
            },
        ),
        # What the backup has, and nothing can have come to it: all that needs the database is gone by then.
        snapshot=lambda _given, _time: {"skip_final_snapshot": True, "final_db_snapshot_identifier": None},
        unprotected=_instance_snapshot,
    ),
    "amazon.aws.rds_cluster": Deletion(
        add={"wait": True},
        unprotection=Unprotection(
            {"deletion_protection": False, "apply_immediately": True, "state": "present"},
            "deletion_protection",
            keep=("db_cluster_identifier", "engine", "region"),
        ),
        snapshot=lambda given, time: {
            "skip_final_snapshot": False,
            "final_snapshot_identifier": _final(given["db_cluster_identifier"], time),
        },
        unprotected=_cluster_snapshot,
    ),
    "amazon.aws.iam_role": Deletion(add={"delete_instance_profile": True}),
    "amazon.aws.secretsmanager_secret": Deletion(add={"recovery_window": 0}),
    "amazon.aws.ec2_vpc_nat_gateway": Deletion(
        add={"release_eip": True, "wait": True}, from_result={"nat_gateway_id": "nat_gateway_id"}
    ),
    "amazon.aws.elb_application_lb": _LOAD_BALANCER,
    "community.aws.elb_network_lb": _LOAD_BALANCER,
    "community.aws.secretsmanager_secret": Deletion(add={"recovery_window": 0}),
    "community.aws.ecs_ecr": Deletion(add={"force_absent": True}),
    "slipway.aws.backup_vault": Deletion(
        add={"recovery_points": "delete"},
        identity=("name", "region"),
        snapshot=lambda _given, _time: {"recovery_points": "keep"},
    ),
    "slipway.aws.dynamodb_table_protection": Deletion(
        identity=("name",), snapshot=lambda given, time: {"final_backup": _final(given["name"], time)}
    ),
    "slipway.aws.ec2_gateway_endpoint": Deletion(identity=("name", "vpc_id")),
    "slipway.aws.ec2_route_table": Deletion(identity=("name", "vpc_id")),
    "slipway.aws.ecs_service": Deletion(identity=("name", "cluster")),
    "slipway.aws.ecs_task_definition": Deletion(identity=("family",)),
    "slipway.aws.apigateway_rest_api": Deletion(identity=("name",)),
    "slipway.aws.apigateway_usage_plan": Deletion(identity=("name",)),
    "slipway.aws.cloudwatch_alarm": Deletion(identity=("name",)),
    "slipway.aws.cloudwatch_dashboard": Deletion(identity=("name",)),
    "slipway.aws.cloudwatchlogs_log_group": Deletion(identity=("log_group_name",)),
    "slipway.aws.apigateway_stage": Deletion(identity=("rest_api_id", "name")),
    # One that is kept for its backups is there.
    "slipway.aws.kms_key": Deletion(
        identity=("alias", "pending_window", "tags"),
        look={"keep_if_needed": False},
        snapshot=lambda _given, _time: {"keep_if_needed": True},
    ),
    "slipway.aws.lambda_alias": Deletion(identity=("function_name", "name")),
    "slipway.aws.lambda_function": Deletion(identity=("name",)),
}


def deletion_of(module: str) -> Deletion:
    """How a module deletes."""
    return EXCEPTIONS.get(module, Deletion())


def path_of(module: str) -> str:
    """Where a module that this table names is.

    :raises AnsibleActionFail: when it is not installed: better nothing is deleted than without a backup.
    """
    found = module_loader.find_plugin_with_context(module)
    if not found.resolved:
        raise AnsibleActionFail(f"nothing was deleted: {module}, which takes final backups, is not installed")
    return str(found.plugin_resolved_path)


@functools.lru_cache
def _options_of(module: str) -> dict[str, t.Any]:
    """A module's options as it documents them, fragments included; empty for one that is not installed."""
    found = module_loader.find_plugin_with_context(module)
    if not found.resolved:
        return {}
    documentation = get_docstring(found.plugin_resolved_path, fragment_loader, is_module=True)[0] or {}
    return documentation.get("options") or {}


def can_be_absent(module: str) -> bool:
    """Whether a module knows ``state: absent``, by its documentation."""
    return "absent" in ((_options_of(module).get("state") or {}).get("choices") or [])


def by_first_name(module: str, given: Arguments) -> Arguments:
    """A call's arguments by the names that stand in this table: an option may have others."""
    names = {alias: name for name, option in _options_of(module).items() for alias in option.get("aliases") or []}
    return {names.get(name, name): value for name, value in given.items()}


def arguments_to_delete(module: str, given: Arguments, found: Arguments | None, protect: bool, time: str) -> Arguments:
    """A call's arguments when it deletes.

    :arg found: what its read pass returned.
    :arg time: that of the run, for the names of last snapshots.
    """
    deletion = deletion_of(module)
    given = by_first_name(module, given)
    filled = {
        option: value
        for option, key in deletion.from_result.items()
        if (value := found_value(given, found, key)) is not None
    }
    if protect:
        snapshot = deletion.snapshot(given, time)
    else:
        snapshot = deletion.unprotected(given, lambda key: found_value(given, found, key), time)
    return {**given, **deletion.add, **filled, **snapshot, "state": "absent"}


def arguments_to_look(module: str, given: Arguments, protect: bool, time: str) -> Arguments:
    """A call's arguments when it is asked whether there is something to delete."""
    return {**arguments_to_delete(module, given, None, protect, time), **deletion_of(module).look}


def arguments_to_back_up(module: str, given: Arguments, time: str) -> Arguments:
    """The arguments of the call that takes a last backup; where it is to be taken as the task says."""
    given = by_first_name(module, given)
    backup = deletion_of(module).backup
    options = backup.options(given, time) if backup else {}
    return {**options, **{name: given[name] for name in ("region",) if name in given}}


def arguments_to_unprotect(module: str, given: Arguments, found: Arguments | None) -> Arguments | None:
    """The arguments of the call that lets a resource be deleted; ``None`` if nothing keeps it from that."""
    given = by_first_name(module, given)
    unprotection = deletion_of(module).unprotection
    if unprotection is None or str(found_value(given, found, unprotection.protected)).lower() != "true":
        return None
    kept = {name: value for name, value in given.items() if not unprotection.keep or name in unprotection.keep}
    return {**kept, **unprotection.options}


def found_value(given: Arguments, found: Arguments | None, key: str) -> t.Any:
    """A value from what the read pass found, of the loop item that has the same arguments."""
    found = found or {}
    for item in found.get("results", [found]):
        if item.get(key) is not None and ("results" not in found or _has_arguments(item, given)):
            return item[key]
    return None


def _has_arguments(item: Arguments, given: Arguments) -> bool:
    asked = (item.get("invocation") or {}).get("module_args") or {}
    return all(
        str(asked[name]) == str(value)
        for name, value in given.items()
        if isinstance(value, (str, int)) and asked.get(name, HIDDEN) != HIDDEN
    )
