"""What the image can be told to do. Each command takes what it needs from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
from pymysql.connections import Connection
from pymysql.err import ProgrammingError

from database.backups import Backup, Manifest
from database.dump import Database, Fingerprint
from database.secrets import read_credentials
from database.server import identifier, required, run, server_of

Environment = Mapping[str, str]
NO_SUCH_TABLE = 1146


class RefusedError(Exception):
    """What was asked for is not done; the message says why."""


def export(environment: Environment) -> Manifest:
    """Dump the database to the bucket, and write the manifest."""
    database, backup = database_of(environment), backup_of(environment)
    taken_at = now()
    version = schema_version(database, environment)
    fingerprint = Fingerprint()
    written = backup.upload(database.dump(fingerprint))
    manifest = {
        **written,
        "database": database.name,
        "schema_version": version,
        "taken_at": taken_at,
        "finished_at": now(),
        **fingerprint.summary(),
    }
    backup.write_manifest(manifest)
    return manifest


def verify(environment: Environment) -> Manifest:
    """Compare the dump with its manifest."""
    return backup_of(environment).verify()


def restore(environment: Environment) -> Manifest:
    """Load the backup, which is verified first, into a database that is made anew."""
    database, backup = database_of(environment), backup_of(environment)
    manifest = backup.verify()
    refuse_full(database, environment.get("RESTORE_REPLACES", "false") == "true")
    with database.server.connect(database.credentials) as connection:
        refuse_narrow(connection, manifest["tables"])
        create = create_database(connection, database.name, manifest.get("options", {}))
        run(connection, f"DROP DATABASE IF EXISTS {identifier(database.name)}")
        run(connection, create)
    database.load(backup.statements())
    return manifest


def fingerprint(environment: Environment) -> Manifest:
    """Count and sum the tables of the database, and write that to RESULT_KEY."""
    database = database_of(environment)
    result = {
        "taken_at": now(),
        "database": database.name,
        "schema_version": schema_version(database, environment),
        **fingerprint_of(database).summary(),
    }
    backup_of(environment).write_json(required(environment, "RESULT_KEY"), result)
    return result


def compare(environment: Environment) -> Manifest:
    """Compare the database with what the backup's manifest says, write that to RESULT_KEY, and refuse a difference."""
    backup = backup_of(environment)
    result = comparison(backup.manifest(), fingerprint_of(database_of(environment)).summary())
    backup.write_json(required(environment, "RESULT_KEY"), result)
    differences = {name: table["difference"] for name, table in result["tables"].items()} | result["objects"]
    differing = [f"{name} ({difference})" for name, difference in differences.items() if difference]
    if differing:
        raise RefusedError(f"what was restored differs from the backup: {', '.join(differing)}")
    return result


def comparison(expected: Manifest, found: Manifest) -> Manifest:
    """Table by table and object by object, what was expected and what there is."""
    names = sorted(expected["tables"].keys() | found["tables"].keys())
    tables = {name: compared(expected["tables"].get(name), found["tables"].get(name)) for name in names}
    objects = compared_objects(expected, found)
    differences = [table["difference"] for table in tables.values()] + list(objects.values())
    return {"equal": not any(differences), "tables": tables, "objects": objects}


def compared_objects(expected: Manifest, found: Manifest) -> dict[str, str]:
    """How what is no table differs, by kind and name. Manifests of before there were any say nothing of it."""
    if "objects" not in expected:
        return {}
    before, after = expected["objects"], found["objects"]
    objects = {name: object_difference(before.get(name), after.get(name)) for name in sorted(before | after)}
    options = "" if expected["options"] == found["options"] else f"has {found['options']}, not {expected['options']}"
    return {"the database": options, **objects}


def object_difference(expected: str | None, found: str | None) -> str:
    """How a restored view, trigger, routine, event or sequence differs; empty if it does not."""
    if expected is None:
        return "is not in the backup"
    if found is None:
        return "is missing"
    # Empty: it changed while a snapshot was taken, and need only be there.
    return "" if expected in ("", found) else "has another definition"


def compared(expected: Any, found: Any) -> dict[str, Any]:
    """One table. One that was written to while the backup was taken (``stable: false``) need only be there."""
    counts = {"rows_expected": (expected or {}).get("rows"), "rows": (found or {}).get("rows")}
    return {**counts, "difference": difference(expected, found)}


def difference(expected: Any, found: Any) -> str:
    """How a restored table differs; empty if it does not."""
    if expected is None:
        return "is not in the backup"
    if found is None:
        return "is missing"
    if expected["definition"] != found["definition"]:
        return "has another definition"
    if not expected.get("stable", True):
        return "" if found["rows"] or not expected["rows"] else "is empty"
    return content_difference(expected, found)


def content_difference(expected: Any, found: Any) -> str:
    """How the rows of a restored table differ; empty if they do not."""
    if expected["rows"] != found["rows"]:
        return f"has {found['rows']} rows in place of {expected['rows']}"
    if expected["checksum"] != found["checksum"]:
        return "has other rows"
    # Higher does no harm. Lower, numbers that were given away once are given away again.
    counters = expected.get("counter", 0), found.get("counter", 0)
    return "" if counters[1] >= counters[0] else f"goes on counting with {counters[1]} in place of {counters[0]}"


def fingerprint_of(database: Database) -> Fingerprint:
    """What a database has, counted and summed."""
    fingerprint = Fingerprint()
    for _statement in database.dump(fingerprint):
        pass
    return fingerprint


def create_database(connection: Connection[Any], name: str, options: dict[str, str]) -> str:
    """The statement that makes a database with the defaults that the original had."""
    statement = f"CREATE DATABASE {identifier(name)} CHARACTER SET {options.get('character_set', 'utf8mb4')}"
    if "collation" in options:
        statement += f" COLLATE {options['collation']}"
    if "encryption" in options:
        statement += f" ENCRYPTION {connection.escape(options['encryption'])}"
    if options.get("comment"):
        statement += f" COMMENT {connection.escape(options['comment'])}"
    return statement


def refuse_narrow(connection: Connection[Any], tables: dict[str, Any]) -> None:
    """Refuse a server that would put NULL in place of a value that is too long for it."""
    widest = max((table.get("widest", 0) for table in tables.values()), default=0)
    limit = int(run(connection, "SELECT @@max_allowed_packet")[0][0])
    if widest > limit:
        raise RefusedError(f"the backup has a value of {widest} bytes, and max_allowed_packet of the server is {limit}")


def refuse_full(database: Database, replaces: bool) -> None:
    """Refuse to replace tables unless that was asked for."""
    if replaces:
        return
    with database.server.connect(database.credentials) as connection:
        query = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = %s"
        count = run(connection, query, database.name)[0][0]
    if count:
        raise RefusedError(f"{database.name} has {count} tables; a restore replaces them with RESTORE_REPLACES=true")


def schema_version(database: Database, environment: Environment) -> str:
    """What SCHEMA_VERSION_QUERY says of the schema, where the application keeps that; else empty."""
    query = environment.get("SCHEMA_VERSION_QUERY", "")
    if not query:
        return ""
    with database.server.connect(database.credentials, database.name) as connection:
        try:
            rows = run(connection, query)
        except ProgrammingError as error:
            if error.args[0] != NO_SUCH_TABLE:
                raise
            rows = []
    return str(rows[0][0]) if rows else ""


def database_of(environment: Environment) -> Database:
    """The database that the environment describes."""
    credentials = read_credentials(boto3.client("secretsmanager"), required(environment, "DB_SECRET"))
    return Database(server_of(environment), credentials, required(environment, "DB_NAME"))


def backup_of(environment: Environment) -> Backup:
    """The backup that the environment describes."""
    bucket, key = required(environment, "BACKUP_BUCKET"), required(environment, "BACKUP_KEY")
    return Backup(boto3.client("s3"), bucket, key, environment.get("BACKUP_KMS_KEY", ""))


def now() -> str:
    """The time, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


COMMANDS: dict[str, Callable[[Environment], Manifest]] = {
    "export": export,
    "verify": verify,
    "restore": restore,
    "fingerprint": fingerprint,
    "compare": compare,
}


def main(arguments: list[str]) -> str:
    """Carry out a command and return what there is to say."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        raise RefusedError(f"usage: python -m database {'|'.join(COMMANDS)}")
    result = COMMANDS[arguments[0]](os.environ)
    rows = sum(table["rows"] or 0 for table in result["tables"].values())
    return f"{arguments[0]}: {len(result['tables'])} tables with {rows} rows"
