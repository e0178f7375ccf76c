# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run asks of the table of locks and of the ledger: a module that only the engine runs, in a warm process.

So it has boto3 loaded, the credentials that the run has, and the barrier, which keeps plans from writing.
"""

from __future__ import annotations

import contextlib
import re
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.graph.plugins.plugin_utils.worker import lock_keeper

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

ARGUMENTS = {
    # A lock_keeper.Request; what follows is done only with the lock.
    "lock": {"type": "dict", "default": {}},
    "bucket": {"type": "str", "default": ""},
    # The account that the bucket has to belong to: anybody may have made one of that name before. Empty for any.
    "owner": {"type": "str", "default": ""},
    # Key of an object to read.
    "fetch": {"type": "str", "default": ""},
    # If there is none: the names of other buckets that may have one, as an expression, and an end that names have not.
    "elsewhere": {"type": "str", "default": ""},
    "left": {"type": "str", "default": ""},
    # Objects to write, content by key.
    "put": {"type": "dict", "default": {}},
}
# Before the first apply there is no such object, and before the account has a ledger no such bucket.
ABSENT = {"NoSuchKey", "NoSuchBucket", "404"}


def main() -> None:
    """Do what is asked for and tell what came of it."""
    module = AnsibleAWSModule(argument_spec=ARGUMENTS)
    asked = module.params
    told: dict[str, t.Any] = {"lock": {}, "content": None, "elsewhere": [], "kept": []}
    if asked["lock"]:
        told["lock"] = lock_keeper.take(lambda: module.client("dynamodb"), asked["lock"])
    if not asked["lock"] or told["lock"]["acquired"]:
        if asked["fetch"]:
            told["content"] = _fetch(module, asked["fetch"])
            if told["content"] is None and asked["elsewhere"]:
                told["elsewhere"] = _elsewhere(module, asked)
        told["kept"] = [key for key, content in asked["put"].items() if _put(module, key, content)]
    module.exit_json(changed=False, **told)


def _fetch(module: t.Any, key: str) -> str | None:
    """An object's content; ``None`` where there is none."""
    try:
        body: bytes = module.client("s3").get_object(Key=key, **_bucket(module))["Body"].read()
    except (ClientError, BotoCoreError) as error:
        if _is_absent(error):
            return None
        module.fail_json(msg=_failure(module, key, "read", error))
    return body.decode(errors="replace")


def _bucket(module: t.Any) -> dict[str, str]:
    owner = {"ExpectedBucketOwner": module.params["owner"]} if module.params["owner"] else {}
    return {"Bucket": module.params["bucket"], **owner}


def _failure(module: t.Any, key: str, done: str, error: Exception) -> str:
    asked = module.params
    owned = f". Does the bucket belong to the account {asked['owner']}?" if asked["owner"] and _is_denied(error) else ""
    return f"s3://{asked['bucket']}/{key} could not be {done}: {error}{owned}"


def _elsewhere(module: t.Any, asked: dict[str, t.Any]) -> list[str]:
    """The other buckets that have the object. One that cannot be asked keeps nobody waiting: it may have failed."""
    hurried = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 1})
    found = []
    with contextlib.suppress(ClientError, BotoCoreError):
        named = [bucket["Name"] for bucket in module.client("s3").list_buckets().get("Buckets", [])]
        others = [name for name in named if re.fullmatch(asked["elsewhere"], name) and name != asked["bucket"]]
        for name in others:
            if asked["left"] and name.endswith(asked["left"]):
                continue
            with contextlib.suppress(ClientError, BotoCoreError):
                listed = module.client("s3", aws_config=hurried).list_objects_v2(Bucket=name, Prefix=asked["fetch"])
                found += [name] if listed.get("KeyCount") else []
    return found


def _put(module: t.Any, key: str, content: str) -> bool:
    """Write an object; whether there is a bucket for it."""
    try:
        module.client("s3").put_object(
            Key=key, Body=content.encode(), ContentType="application/json", **_bucket(module)
        )  # fmt: skip
    except (ClientError, BotoCoreError) as error:
        if _is_absent(error):
            return False
        module.fail_json(msg=_failure(module, key, "written", error))
    return True


def _is_absent(error: Exception) -> bool:
    return _code(error) in ABSENT


def _is_denied(error: Exception) -> bool:
    return _code(error) in {"AccessDenied", "AccessDeniedException", "403"}


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code"))


if __name__ == "__main__":
    main()
