# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""MiniStack that takes nobody for the account's root but the environment's key, and hands tasks keys of their roles.

With AUTH=true MiniStack verifies signatures and evaluates the policies of roles. But it lets in without a signature
whoever names an account, `test` or nothing as access key. The keys that it gives to tasks are not valid anywhere, and
those of functions follow from names that everybody can guess.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import threading
from contextvars import ContextVar
from typing import Any

from door import REGISTRY_USER, AccessKey
from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.iam_evaluator import AuthError, CredentialResolutionError, EvalResult, fnmatch_iam
from ministack.core.responses import _account_from_sts_session, get_account_id
from ministack.services import ecr, ecs, lambda_svc, sts

# Whether the request came from where the containers are.
from_containers: ContextVar[bool] = ContextVar("from_containers", default=False)
# What containers may do, if their role may: use data. Nothing here makes code or starts some that is not there.
OF_CONTAINERS = (
    "cloudwatch:*", "dynamodb:*", "events:PutEvents", "kinesis:*", "kms:*", "lambda:InvokeFunction", "logs:*", "s3:*",
    "secretsmanager:*", "sns:*", "sqs:*", "ssm:GetParameter*", "ssm:PutParameter", "states:StartExecution",
    "sts:GetCallerIdentity", "xray:Put*",
)  # fmt: skip
# Asked without a signature: the path has a token that only the task knows.
TASK_METADATA = "ecs-metadata"
ONLY_DATA = "Containers of a local environment may use data, and nothing else."

evaluate = iam_evaluator.enforce
check_credentials = iam_evaluator.check_credentials
register_container = ecs._register_metadata
open_registry = ecr._get_authorization_token
connect = ecs._get_docker
resource_of = iam_actions.extract_resource_arn
pin_origin = app.pin_request_origin
authorization_type = app._execute_api_authorization_type
# Processes of a function share its key.
keys_of_functions: dict[tuple[str, str], dict[str, str]] = {}
# By access key the task that has it.
tasks_with_keys: dict[str, str] = {}
one_at_a_time = threading.Lock()


def install(key: AccessKey, registry: str) -> None:
    """Let the key, and nobody else, be root; `registry` is where images are pulled from."""
    # MiniStack reads there what its root's key is.
    os.environ |= {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret}

    def is_root(access_key_id: str) -> bool:
        return access_key_id == key.id

    def registry_token(data: Any) -> Any:
        status, headers, body = open_registry(data)
        answer = json.loads(body)
        token = base64.b64encode(f"{REGISTRY_USER}:{key.registry_password}".encode()).decode()
        answer["authorizationData"][0]["authorizationToken"] = token
        return status, headers, json.dumps(answer).encode()

    def docker_client() -> Any:
        known = ecs._docker
        client = connect()
        if client is not None and known is None:
            login = {"username": REGISTRY_USER, "password": key.registry_password, "serveraddress": registry}
            client.api._auth_configs.add_auth(registry, login)
        return client

    iam_evaluator.is_root_access_key = sts.is_root_access_key = is_root
    # It asks this one whose signature need not be verified.
    iam_evaluator._is_root_key = lambda _: False
    # A route that names no authorization is open; it leaves that to its root, which nobody is by accident any more.
    app._execute_api_authorization_type = lambda *route: authorization_type(*route) or "NONE"
    # Policies that ask for TLS mean what travels; this does not leave the machine.
    app.pin_request_origin = lambda address, _encrypted: pin_origin(address, True)
    iam_actions.extract_resource_arn = resource_arn
    iam_evaluator.enforce = enforce
    iam_evaluator.check_credentials = check_what_has_no_action
    ecs._register_metadata = register_with_credentials
    ecs._get_docker = docker_client
    ecr._get_authorization_token = registry_token
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = credentials_of_function


def problem(access_key_id: str) -> CredentialResolutionError | None:
    """What is wrong with an access key that a request names; its signature is verified later."""
    if is_over(tasks_with_keys.get(access_key_id, "")):
        return CredentialResolutionError("ExpiredTokenException", "The task that had this key has stopped.")
    account = _account_from_sts_session(access_key_id) or iam_evaluator.find_iam_access_key_account(access_key_id)
    found = iam_evaluator.resolve_credential(access_key_id, account or os.environ["MINISTACK_ACCOUNT_ID"])
    return found if isinstance(found, CredentialResolutionError) else None


def is_over(task_arn: str) -> bool:
    """Whether a task has stopped, so long ago perhaps that MiniStack has forgotten it."""
    states = [task["lastStatus"] for task in ecs._tasks._data.values() if task["taskArn"] == task_arn]
    return bool(task_arn) and states in ([], ["STOPPED"])


def enforce(access_key_id: str, iam_action: str, service: str, *rest: Any, **options: Any) -> Any:
    """Evaluate the caller's policies; a container may do less than they say."""
    if service == TASK_METADATA:
        return None
    if from_containers.get() and not any(fnmatch_iam(iam_action, each) for each in OF_CONTAINERS):
        return EvalResult("Deny", reason=ONLY_DATA, principal_arn="a container")
    return evaluate(access_key_id, iam_action, service, *rest, **options)


def resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
    """The resource that a request is about; MiniStack takes the cluster for it where it is a service of ECS."""
    arn: str = resource_of(service, method, path, headers, body, *rest)
    kind, slash, cluster = arn.partition(":cluster/")
    if service == "ecs" and slash:
        asked = json.loads(body)
        name = asked.get("service") or asked.get("serviceName")
        if name:
            return f"{kind}:service/{cluster}/{name.rpartition('/')[2]}"
    return arn


def check_what_has_no_action(access_key_id: str, service: str | None = None) -> AuthError | None:
    """Check a request that no policy speaks of."""
    if service == TASK_METADATA:
        return None
    if from_containers.get():
        return AuthError("AccessDenied", ONLY_DATA)
    failure: AuthError | None = check_credentials(access_key_id, service)
    return failure


def register_with_credentials(
    task_arn: str, cluster_arn: str, definition: Any, container: Any, launch_type: str, environment: Any, *rest: Any
) -> Any:
    """Tell a container how to reach the API, and give it a key of its task's role, if it has one.

    On AWS it fetches one; here SDKs refuse the address of where it would.
    """
    given = dict(environment)
    token = register_container(task_arn, cluster_arn, definition, container, launch_type, environment, *rest)
    for name in ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        environment.pop(name)
    overrides = (ecs._tasks.get(task_arn) or {}).get("overrides") or {}
    role = overrides.get("taskRoleArn") or definition.get("taskRoleArn")
    if role and "AWS_ACCESS_KEY_ID" not in given:
        key = credentials_of(get_account_id(), role.rpartition("/")[2], task_arn.rpartition("/")[2])
        tasks_with_keys[key["AWS_ACCESS_KEY_ID"]] = task_arn
        environment |= key
    return token


def credentials_of_function(configuration: dict[str, Any]) -> dict[str, str]:
    """The key that a function has as long as the gateway runs."""
    arn, role = configuration["FunctionArn"], configuration.get("Role", "")
    with one_at_a_time:
        if (arn, role) not in keys_of_functions:
            keys_of_functions[arn, role] = credentials_of(
                arn.split(":")[4], role.rpartition("/")[2], configuration["FunctionName"][:64]
            )
        return keys_of_functions[arn, role]


def credentials_of(account: str, role: str, session: str) -> dict[str, str]:
    """A new key that may do what a role may."""
    key = {
        "AWS_ACCESS_KEY_ID": f"ASIA{secrets.token_hex(8).upper()}",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
        "AWS_SESSION_TOKEN": secrets.token_urlsafe(60),
    }
    sts.register_session(key["AWS_ACCESS_KEY_ID"], {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "UserId": f"{role}:{session}",
        "SecretAccessKey": key["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": key["AWS_SESSION_TOKEN"],
    })  # fmt: skip
    return key
