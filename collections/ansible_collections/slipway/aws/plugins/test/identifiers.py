# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of what AWS is told by name: ARNs, schedules, names of environment variables."""

from __future__ import annotations

import re
from collections.abc import Callable

# Which Regions are in a partition of their own.
PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
ARN = re.compile(r"arn:(aws|aws-cn|aws-us-gov):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|aws|):(\S+)")
RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)")
CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
# Least and most of each field of a cron expression, and the words that stand for numbers from the least upwards.
FIELDS: list[tuple[int, int, list[str]]] = [
    (0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (1, 7, WEEKDAYS), (1970, 2199, []),
]  # fmt: skip
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html and botocore's EnvironmentVariableName
LAMBDA_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
LAMBDA_SETS_ITSELF = {
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
}  # fmt: skip


def _holds_for_results(test: Callable[..., bool]) -> Callable[..., bool]:
    """Tell the engine, which asks before there are results, that the results of others pass."""
    test.holds_for_results = True  # type: ignore[attr-defined]  # of a function mypy knows none
    return test


@_holds_for_results
def arn(value: object, service: str, region: str = "", or_empty: bool = False) -> bool:
    """Whether a value is the ARN of something of a service that is there in a Region: in it, or in none."""
    if value == "":
        return or_empty
    match = ARN.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] != service:
        return False
    if not region:
        return True
    partition = next((name for start, name in PARTITIONS.items() if region.startswith(start)), "aws")
    return match[1] == partition and match[3] in {region, ""}


def schedule(value: object) -> bool:
    """Whether a value is a schedule as EventBridge and AWS Backup write it: cron(…) with six fields, or rate(…)."""
    text = str(value)
    rate = RATE.fullmatch(text)
    if rate:
        return (rate[1] == "1") == (rate[3] == "")
    cron = CRON.fullmatch(text)
    if cron is None:
        return False
    fields = cron.groups()
    # The day stands in one of two fields; the other one is a question mark.
    if [fields[2], fields[4]].count("?") != 1:
        return False
    return all(_field(field, place) for place, field in enumerate(fields))


def _field(text: str, place: int) -> bool:
    if text == "?":
        return place in {2, 4}
    return all(_part(part, place) for part in text.split(","))


def _part(text: str, place: int) -> bool:
    bounds, _slash, step = text.partition("/")
    if _slash and not (step.isdigit() and int(step) > 0):
        return False
    if bounds == "*":
        return True
    if (place == 2 and re.fullmatch(r"L|LW|\d{1,2}W", bounds)) or (
        place == 4 and re.fullmatch(r"L|[1-7]L|[1-7]#[1-5]", bounds)
    ):
        return not _slash
    ends = [_number(end, place) for end in bounds.split("-")]
    return len(ends) <= 2 and all(FIELDS[place][0] <= end <= FIELDS[place][1] for end in ends)


def _number(text: str, place: int) -> int:
    """A number or the word for it; one that is in no field for anything else."""
    words = FIELDS[place][2]
    if text.upper() in words:
        return words.index(text.upper()) + FIELDS[place][0]
    return int(text) if text.isdigit() else -1


def variable_names(value: object, of_lambda: bool = False) -> bool:
    """Whether all of some names can be those of environment variables, of functions of Lambda if that is asked."""
    if not isinstance(value, (list, tuple, dict)):
        return False
    allowed, taken = (LAMBDA_VARIABLE, LAMBDA_SETS_ITSELF) if of_lambda else (VARIABLE, set())
    return all(allowed.fullmatch(str(name)) and name not in taken for name in value)


class TestModule:
    """The tests by their names in templates."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Name to test."""
        return {"arn": arn, "schedule": schedule, "variable_names": variable_names}
