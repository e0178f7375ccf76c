# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything in an account that carries some tags.

The Resource Groups Tagging API knows most types, but not IAM's roles and policies nor Auto Scaling groups; it also
goes on to name what was deleted a while ago, and says nothing of age. So most types are read from their own
services, and the Tagging API adds the others.
"""

from __future__ import annotations

import collections.abc as c
import concurrent.futures
import functools

from ansible_collections.slipway.graph.plugins.module_utils.tagged import listings, services
from ansible_collections.slipway.graph.plugins.module_utils.tagged.resources import (
    Account,
    Found,
    Kind,
    pages,
    tag_dict,
)

# A reader waits most of the time. More of them at once would only be throttled.
THREADS = 8
# The Region where the Tagging API answers for services that have none.
GLOBAL_REGION = "us-east-1"
# Backups go to other Regions with the tags of what they are of; that does not make the system stand there.
COPIES = (
    "backup:recovery-point", "ec2:image", "ec2:snapshot", "elasticache:snapshot", "rds:auto-backup",
    "rds:cluster-auto-backup", "rds:cluster-snapshot", "rds:snapshot",
)  # fmt: skip


def find(account: Account, errors: tuple[type[Exception], ...]) -> tuple[list[Found], dict[str, str]]:
    """All resources with the wanted tags, and what could not be read, with the reason.

    :param errors: what a client raises; a service that cannot be read does not hide the others.
    """
    readers: dict[str, c.Callable[[Account], list[Found]]] = {
        **{
            kind: functools.partial(listings.read, kind=kind, listing=listing)
            for kind, listing in listings.LISTINGS.items()
        },
        **services.READERS,
    }
    unread: dict[str, str] = {}
    found: dict[str, Found] = {}
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        tagging = pool.submit(_by_tagging_api, account)
        futures = {kind: pool.submit(reader, account) for kind, reader in readers.items()}
    for kind, future in futures.items():
        try:
            found.update({each.arn: each for each in future.result()})
        except errors as error:
            unread[kind] = _first_line(error)
    read = {kind for reader in readers if reader not in unread for kind in services.SEVERAL.get(reader, [reader])}
    try:
        found = {**{each.arn: each for each in tagging.result() if each.type not in read}, **found}
    except errors as error:
        unread["resourcegroupstaggingapi"] = _first_line(error)
    return sorted(found.values(), key=lambda each: (each.type, each.id)), unread


def find_elsewhere(account: Account, errors: tuple[type[Exception], ...]) -> tuple[list[Found], dict[str, str]]:
    """What carries the wanted tags in other Regions, copies of data left out; and which Regions could not be asked."""
    try:
        regions = [each["RegionName"] for each in account.client("ec2").describe_regions()["Regions"]]
    except errors as error:
        return [], {"all": _first_line(error)}
    unread: dict[str, str] = {}
    found: list[Found] = []
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        futures = {region: pool.submit(_tagged_in, account, region) for region in sorted({*regions} - {account.region})}
    for region, future in futures.items():
        try:
            found += [each for each in future.result() if each.type not in COPIES]
        except errors as error:
            unread[region] = _first_line(error)
    return found, unread


def _tagged_in(account: Account, region: str) -> list[Found]:
    client = account.client("resourcegroupstaggingapi", region=region)
    wanted = [{"Key": name, "Values": [value]} for name, value in account.tags.items()]
    found = []
    for row in pages(client, "get_resources", "ResourceTagMappingList", TagFilters=wanted):
        kind, service, name = parts(row["ResourceARN"])
        if row["ResourceARN"].split(":")[3] == region:
            found.append(Kind(kind, service).found(name, row["ResourceARN"], tag_dict(row["Tags"]), {}))
    return found


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _by_tagging_api(account: Account) -> list[Found]:
    regions = {account.region} | ({GLOBAL_REGION} if account.partition == "aws" else set())
    wanted = [{"Key": name, "Values": [value]} for name, value in account.tags.items()]
    found = []
    for region in sorted(regions):
        client = account.client("resourcegroupstaggingapi", region=region)
        for row in pages(client, "get_resources", "ResourceTagMappingList", TagFilters=wanted):
            arn = row["ResourceARN"]
            # Elsewhere than at home only what has no Region counts; a bucket has one that its ARN does not say.
            if region == account.region or (not arn.split(":")[3] and not arn.startswith("arn:aws:s3:")):
                kind, service, name = parts(arn)
                found.append(Kind(kind, service).found(name, arn, tag_dict(row["Tags"]), {}))
    return found


def parts(arn: str) -> tuple[str, str, str]:
    """The type, the service and the id that an ARN speaks of."""
    service, rest = arn.split(":")[2], ":".join(arn.split(":")[5:])
    bare = {"s3": "bucket", "sns": "topic", "sqs": "queue"}
    if service in bare:
        return f"{service}:{bare[service]}", service, rest
    kind, name = (
        rest.split(":", 1) if ":" in rest.split("/", maxsplit=1)[0] else [*rest.lstrip("/").split("/", 1), rest]
    )[:2]
    return f"{service}:{kind}", service, name
