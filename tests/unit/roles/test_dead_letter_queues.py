"""The functions' queues, right after others of the same names were deleted."""

from __future__ import annotations

from typing import Any

from tests.support.api_proxy import ApiProxy
from tests.support.playbook import Project

FUNCTIONS: dict[str, Any] = {
    "aws_account_id": "123456789012", "aws_region": "eu-central-1", "lambda_functions_log_kms_key_arn": "",
    "lambda_functions_list": [{"name": "api", "handler": "shop.handler", "package": "shop"}],
}  # fmt: skip
CREATE = "AmazonSQS:CreateQueue"


def test_a_queue_that_was_just_deleted_is_made_again_a_little_later(aws: tuple[Project, ApiProxy]) -> None:
    project, proxy = aws
    project.inventory(**FUNCTIONS)
    told = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
    proxy.refusals = {CREATE: [("AWS.SimpleQueueService.QueueDeletedRecently", told)]}
    made = project.converge("lambda_functions")
    assert made.returncode == 0, made.output
    assert proxy.operations.count(CREATE) == 2


def test_what_else_is_wrong_with_a_queue_is_told_at_once(aws: tuple[Project, ApiProxy]) -> None:
    project, proxy = aws
    project.inventory(**FUNCTIONS)
    proxy.refusals = {CREATE: [("InvalidAttributeValue", "Invalid value for the parameter")]}
    made = project.converge("lambda_functions")
    assert made.returncode != 0
    assert "Invalid value for the parameter" in made.output
    assert proxy.operations.count(CREATE) == 1
