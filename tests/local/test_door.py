"""Who may call a local environment that runs: its owner. Pages, other users of the machine and containers may not."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import subprocess
import sys
import typing as t
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path

import boto3
import psutil
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.support.local import ACCOUNT, REGION, LocalEnvironment, emulators_alone

# Where the gateway takes callers for containers: what is not 127.0.0.1 is the bridge.
BRIDGE = "127.0.0.2"
PAGE = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
# What the page of the finding sent: no credentials, no preflight.
ATTACK = (
    "POST",
    "/2015-03-31/functions",
    json.dumps({"FunctionName": "drive-by", "Runtime": "python3.11", "Handler": "main.handler", "Role": "any",
                "Code": {"ZipFile": ""}}),
)  # fmt: skip
TRUST = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
         "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root", "Service": "lambda.amazonaws.com"}}]}  # fmt: skip
READER = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}]}
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
FUNCTION = """
import os
import boto3

def attempt(act):
    try:
        return act()
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def handler(event, context):
    s3 = boto3.client("s3")
    return {
        "user": os.getuid(), "groups": os.getgroups(), "environment": dict(os.environ),
        "key": attempt(lambda: open(event["key"]).read()),
        "own": attempt(lambda: s3.get_object(Bucket="data", Key="word")["Body"].read().decode()),
        "other": attempt(lambda: s3.list_buckets()["Buckets"]),
        "code": attempt(lambda: open(__file__, "a").close()),
        "file": __file__, "folder": os.getcwd(),
    }
"""
CURIOUS = """
def handler(paths, context):
    seen = []
    for path in paths:
        try:
            seen.append(open(path, "rb").read().decode(errors="replace"))
        except OSError as error:
            seen.append(type(error).__name__)
    return seen
"""


class Answer(t.NamedTuple):
    """What somebody got."""

    status: int
    headers: dict[str, str]
    body: str


def ask(
    port: int, method: str, path: str, body: str = "", headers: dict[str, str] | None = None, host: str = "127.0.0.1"
) -> Answer:
    """Send a request as it is."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())


def assert_refused(answer: Answer, status: int = 403) -> None:
    """Refused, and no page may even read why."""
    assert answer.status == status, answer
    assert [name for name in answer.headers if name.startswith("access-control-")] == []


def signed(
    key: tuple[str, str], port: int, request: tuple[str, str, str], headers: dict[str, str], service: str = "lambda"
) -> dict[str, str]:
    """The headers of a request that a key has signed."""
    method, path, body = request
    unsigned = AWSRequest(method=method, url=f"http://127.0.0.1:{port}{path}", data=body, headers=headers)
    SigV4Auth(Credentials(*key), service, REGION).add_auth(unsigned)
    return dict(unsigned.headers)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    """An environment that also listens where containers would reach it."""
    with emulators_alone(tmp_path_factory.mktemp("door")) as made:
        made.settings |= {"PLANTED": "secret of whoever starts it", "AWS_ACCESS_KEY_ID": "OF-SOME-OTHER-PLACE",
                          "AWS_SECRET_ACCESS_KEY": "of-some-other-place"}  # fmt: skip
        binds = [f"--bind={address}:{made.port}" for address in ("127.0.0.1", BRIDGE)]
        made.succeed("playbooks/local_up.yml", "-e", json.dumps({"local_aws_gateway_binds": binds}))
        yield made


@pytest.fixture(scope="module")
def data(up: LocalEnvironment) -> None:
    """Something in a bucket, and roles that may read it."""
    up.client("s3").create_bucket(Bucket="data")
    up.client("s3").put_object(Bucket="data", Key="word", Body=b"open sesame")
    for name, policy in (("reader", READER), ("admin", EVERYTHING)):
        up.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        up.client("iam").put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))


@pytest.fixture(scope="module")
def function(up: LocalEnvironment, data: None) -> dict[str, str]:
    """A function with the role `reader`."""
    return make_function(up, "seen", FUNCTION)


def make_function(up: LocalEnvironment, name: str, source: str) -> dict[str, str]:
    """Make a function, and return its configuration."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("main.py", source)
    made: dict[str, str] = up.client("lambda").create_function(
        FunctionName=name, Runtime="python3.11", Handler="main.handler", Timeout=30,
        Role=f"arn:aws:iam::{ACCOUNT}:role/reader", Code={"ZipFile": package.getvalue()},
    )  # fmt: skip
    return made


def in_a_container(up: LocalEnvironment, role: str, service: str) -> t.Any:
    """A client as a task with some role has it."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    key = up.client("sts").assume_role(RoleArn=arn, RoleSessionName="task")["Credentials"]
    return boto3.client(
        service, endpoint_url=f"http://{BRIDGE}:{up.port}", region_name=REGION, aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"], aws_session_token=key["SessionToken"],
    )  # type: ignore[call-overload]  # the name is a variable here  # fmt: skip


# The page


@pytest.mark.parametrize("headers", [
    PAGE,
    {"Origin": "null", "Content-Type": "text/plain"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "127.0.0.1:1"},
])  # fmt: skip
@pytest.mark.parametrize("above", [0, 1], ids=["gateway", "autoscaling"])
def test_a_page_is_refused(up: LocalEnvironment, headers: dict[str, str], above: int) -> None:
    port = up.port + above
    target = {"X-Amz-Target": "AnyScaleFrontendService.DescribeScalableTargets"}
    assert_refused(ask(port, *ATTACK, headers={**target, **headers}))
    assert_refused(ask(port, "OPTIONS", "/", headers={**headers, "Access-Control-Request-Method": "DELETE"}))
    # Not even if it knew the key.
    with_key = signed(up.access_key(), port, ATTACK, {**target, **headers}, "application-autoscaling")
    assert_refused(ask(port, *ATTACK, headers=with_key))


def test_no_answer_may_be_read_by_a_page(up: LocalEnvironment, data: None) -> None:
    request = ("GET", "/data/word", "")
    answer = ask(up.port, *request, headers=signed(up.access_key(), up.port, request, {
        "x-amz-content-sha256": hashlib.sha256(b"").hexdigest()}, "s3"))  # fmt: skip
    assert (answer.status, answer.body) == (200, "open sesame")
    assert [name for name in answer.headers if name.startswith("access-control-")] == []


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_browser_reaches_the_systems_load_balancers(up: LocalEnvironment, name: str) -> None:
    balancers = up.client("elbv2")
    called = f"web-{name.replace('.', '-')}"
    (made,) = balancers.create_load_balancer(Name=called, Subnets=["subnet-1", "subnet-2"])["LoadBalancers"]
    says = {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "hello"}
    balancers.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": says}],
    )  # fmt: skip
    path = f"/_alb/{called}/"
    answer = ask(up.port, "GET", path, headers={**PAGE, "Host": f"{name}:{up.port}"})
    assert (answer.status, answer.body) == (200, "hello")
    # But not under a name of a page's own.
    assert_refused(ask(up.port, "GET", path, headers={"Host": "evil.example"}))


def test_a_browser_reaches_the_systems_apis_which_say_themselves_which_pages_may(
    up: LocalEnvironment, function: dict[str, str]
) -> None:
    apis = up.client("apigatewayv2")
    cors = {"AllowOrigins": ["http://localhost:3000"], "AllowMethods": ["GET"]}
    api = apis.create_api(Name="web", ProtocolType="HTTP", CorsConfiguration=cors)["ApiId"]
    integration = apis.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function["FunctionArn"], PayloadFormatVersion="2.0"
    )["IntegrationId"]
    apis.create_route(ApiId=api, RouteKey="GET /", Target=f"integrations/{integration}")
    apis.create_stage(ApiId=api, StageName="live", AutoDeploy=True)
    path = f"/_aws/execute-api/{api}/live/"
    answer = ask(up.port, "GET", path, headers={**PAGE, "Origin": "http://localhost:3000"})
    assert answer.headers.get("access-control-allow-origin") == "http://localhost:3000", answer
    assert "access-control-allow-origin" not in ask(up.port, "GET", path, headers=PAGE).headers


@pytest.mark.parametrize(
    "path", ["/_alb/nobody/", "/_alb/../2015-03-31/functions", "/_aws/execute-api/../../", "/_alb/"]
)
def test_there_is_no_way_around_the_door_below_the_systems_urls(up: LocalEnvironment, path: str) -> None:
    for headers in ({}, PAGE, {"X-Amz-Target": "secretsmanager.ListSecrets"}):
        answer = ask(up.port, "POST", path, "{}", headers)
        assert answer.status in (403, 404), answer
        assert "access-control-allow-origin" not in answer.headers


# The other user


def as_nobody(up: LocalEnvironment, script: str, *arguments: str) -> t.Any:
    """What a script answers that another user of this machine runs; without root there is only this one."""
    lowered = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    ran = subprocess.run(
        [*lowered, sys._base_executable, "-c", script, str(up.port), *arguments],  # type: ignore[attr-defined]
        cwd="/", env={}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_another_user_without_the_key_is_refused(up: LocalEnvironment) -> None:
    script = (
        "import http.client, json, sys\n"
        "seen = []\n"
        "for port in (int(sys.argv[1]), int(sys.argv[1]) + 1):\n"
        "    for method, path in (('POST', '/2015-03-31/functions'), ('POST', '/_ministack/reset'), ('GET', '/'),\n"
        "                         ('POST', '/_ministack/config'), ('POST', '/moto-api/reset'), ('GET', '/v2/'),\n"
        "                         ('GET', '/_ministack/lambda-code/seen'), ('PUT', '/v2/api/manifests/1')):\n"
        "        asked = http.client.HTTPConnection('127.0.0.1', port)\n"
        "        asked.request(method, path, '{}')\n"
        "        seen.append((port, method, path, asked.getresponse().status))\n"
        "print(json.dumps(seen))\n"
    )
    for port, method, path, status in as_nobody(up, script):
        expected = 401 if port == up.port and path.startswith("/v2/") else 403
        assert status == expected, (port, method, path, status)


def test_what_the_environment_keeps_is_its_owners_alone(up: LocalEnvironment, function: dict[str, str]) -> None:
    readable = [path for path in (up.directory, *up.directory.rglob("*")) if path.lstat().st_mode & 0o077]
    assert readable == []
    assert {path.name for path in up.directory.iterdir()} >= {"credentials", "gateway.log", "autoscaling.log"}


@pytest.mark.parametrize("name", ["", "test", ACCOUNT, "KEY-OF-NOBODY"])
@pytest.mark.parametrize("secret", ["test", "", "anything"])
def test_keys_that_emulators_take_from_everybody_are_refused(up: LocalEnvironment, name: str, secret: str) -> None:
    assert_refused(ask(up.port, *ATTACK, headers=signed((name, secret), up.port, ATTACK, {})))


def test_the_keys_name_without_its_secret_is_refused(up: LocalEnvironment) -> None:
    key = (up.access_key()[0], "guessed")
    assert_refused(ask(up.port, *ATTACK, headers=signed(key, up.port, ATTACK, {})))
    target = {"X-Amz-Target": "AnyScaleFrontendService.DescribeScalableTargets"}
    request = ("POST", "/", '{"ServiceNamespace": "ecs"}')
    for each, status in ((key, 403), (up.access_key(), 200)):
        headers = signed(each, up.port + 1, request, target, "application-autoscaling")
        assert ask(up.port + 1, *request, headers=headers).status == status


def test_a_signature_of_something_else_is_refused(up: LocalEnvironment) -> None:
    headers = signed(up.access_key(), up.port, ("POST", "/2015-03-31/functions", "{}"), {})
    assert_refused(ask(up.port, *ATTACK, headers=headers))


def test_the_key_of_a_function_does_not_follow_from_its_name(up: LocalEnvironment, function: dict[str, str]) -> None:
    invoke(up, function["FunctionName"])
    digest = hashlib.sha256(f"{function['FunctionArn']}:{function['Role']}".encode()).hexdigest()
    token = {"X-Amz-Security-Token": hashlib.sha256(f"token:{digest}".encode()).hexdigest()}
    guessed = (f"ASIA{digest[:16].upper()}", hashlib.sha256(f"secret:{digest}".encode()).hexdigest())
    assert_refused(ask(up.port, *ATTACK, headers=signed(guessed, up.port, ATTACK, token)))


def test_the_registry_takes_the_password_that_ecr_gives_to_who_has_the_key(up: LocalEnvironment) -> None:
    token = up.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert ask(up.port, "GET", "/v2/", headers={"Authorization": f"Basic {token}"}).status == 200
    wrong = b64encode(b64decode(token)[:-1]).decode()
    assert_refused(ask(up.port, "GET", "/v2/", headers={"Authorization": f"Basic {wrong}"}), 401)
    assert_refused(ask(up.port, "GET", "/v2/", host=BRIDGE, headers={"Authorization": f"Basic {token}"}))


# Functions


def invoke(up: LocalEnvironment, name: str) -> t.Any:
    """What a function returns."""
    answer = up.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps({"key": str(up.credentials_file)}).encode()
    )
    return json.load(answer["Payload"])


def test_a_function_may_do_what_its_role_may_and_nothing_on_the_machine(
    up: LocalEnvironment, function: dict[str, str]
) -> None:
    seen = invoke(up, function["FunctionName"])
    assert seen["own"] == "open sesame"
    assert "AccessDenied" in seen["other"]
    assert up.settings["PLANTED"] not in seen["environment"].values() or os.geteuid() != 0
    if os.geteuid() == 0:
        assert seen["user"] in range(61184, 65520)
        assert seen["groups"] == []
        assert "PermissionError" in seen["key"]
        assert "PermissionError" in seen["code"]


def test_a_function_reads_neither_code_nor_key_of_another(up: LocalEnvironment, function: dict[str, str]) -> None:
    if os.geteuid() != 0:  # they are processes of one user
        return
    seen = invoke(up, function["FunctionName"])
    (process,) = (
        each.pid for each in psutil.process_iter(["uids"])
        if each.info["uids"].real == seen["user"] and Path(f"/proc/{each.pid}/cwd").readlink() == Path(seen["folder"])
    )  # fmt: skip
    make_function(up, "curious", CURIOUS)
    paths = [f"/proc/{process}/environ", seen["file"]]
    answer = up.client("lambda").invoke(FunctionName="curious", Payload=json.dumps(paths).encode())
    assert json.load(answer["Payload"]) == ["PermissionError"] * 2


# Containers


def test_a_container_without_a_key_and_with_the_environments_own_is_refused(up: LocalEnvironment) -> None:
    assert_refused(ask(up.port, *ATTACK, host=BRIDGE))
    host = {"Host": f"{BRIDGE}:{up.port}"}
    assert_refused(ask(up.port, *ATTACK, host=BRIDGE, headers=signed(up.access_key(), up.port, ATTACK, host)))


def test_a_container_may_do_what_its_role_may(up: LocalEnvironment, data: None) -> None:
    s3 = in_a_container(up, "reader", "s3")
    assert s3.get_object(Bucket="data", Key="word")["Body"].read() == b"open sesame"
    for act in (s3.list_buckets, lambda: s3.put_object(Bucket="data", Key="word", Body=b"changed")):
        with pytest.raises(ClientError, match="AccessDenied"):
            act()
    assert in_a_container(up, "reader", "sts").get_caller_identity()["Arn"].endswith(":assumed-role/reader/task")


@pytest.mark.parametrize(("service", "operation", "arguments"), [
    ("lambda", "create_function", {"FunctionName": "x", "Runtime": "python3.11", "Handler": "main.handler",
                                   "Role": f"arn:aws:iam::{ACCOUNT}:role/admin", "Code": {"ZipFile": b"x"}}),
    ("lambda", "update_function_code", {"FunctionName": "seen", "ZipFile": b"x"}),
    ("lambda", "list_functions", {}),
    ("ecs", "run_task", {"taskDefinition": "x"}),
    ("ecs", "register_task_definition", {"family": "x", "containerDefinitions": [{"name": "x", "image": "x"}]}),
    ("ecr", "get_authorization_token", {}),
    ("iam", "create_access_key", {"UserName": "x"}),
    ("iam", "put_role_policy", {"RoleName": "reader", "PolicyName": "x", "PolicyDocument": "{}"}),
    ("sts", "assume_role", {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/admin", "RoleSessionName": "other"}),
    ("ec2", "run_instances", {"MinCount": 1, "MaxCount": 1}),
    ("cloudformation", "create_stack", {"StackName": "x", "TemplateBody": "{}"}),
    ("codebuild", "start_build", {"projectName": "x"}),
    ("batch", "submit_job", {"jobName": "x", "jobQueue": "x", "jobDefinition": "x"}),
    ("rds", "describe_db_instances", {}),
])  # fmt: skip
def test_no_container_makes_or_starts_code_whatever_its_role(
    up: LocalEnvironment, data: None, service: str, operation: str, arguments: dict[str, t.Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(in_a_container(up, "admin", service), operation)(**arguments)
    code = refused.value.response["Error"]["Code"]
    assert "AccessDenied" in code or "Unauthorized" in code, refused.value


def test_what_the_emulator_has_for_itself_is_closed_to_containers(up: LocalEnvironment) -> None:
    for path in ("/_ministack/reset", "/_ministack/config", "/v2/credentials/x", "/latest/meta-data/", "/v2/"):
        assert_refused(ask(up.port, "POST", path, "{}", host=BRIDGE))


def test_a_task_asks_what_it_is_with_the_token_that_its_path_has(up: LocalEnvironment) -> None:
    # Nobody has been told this token: the answer is that of who looks tokens up.
    answer = ask(up.port, "GET", "/v4/no-such-token", host=BRIDGE)
    assert (answer.status, json.loads(answer.body)) == (404, {"message": "unknown token"})


# The owner


def test_the_inventorys_environment_opens_the_account_whatever_keys_its_user_has(up: LocalEnvironment) -> None:
    assert "Done: " in up.succeed("playbooks/bootstrap.yml")
    assert up.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert up.access_key()[1] not in up.play("playbooks/bootstrap.yml", "-vvv").stdout


def test_the_key_stays_as_long_as_the_state_does(up: LocalEnvironment) -> None:
    before = Path(up.credentials_file).read_text()
    up.succeed("playbooks/local_up.yml")
    assert Path(up.credentials_file).read_text() == before
