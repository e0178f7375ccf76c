"""The role alb: HTTPS unless plain HTTP is allowed, and only what users need is forwarded."""

from __future__ import annotations

import typing as t
import urllib.error
import urllib.request
from collections.abc import Iterator

import boto3
import pytest
import yaml

from tests.support import emulators
from tests.support.bad_input import Case, assert_refused, validated
from tests.support.paths import ROOT
from tests.support.playbook import Project

CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
API = {"name": "api", "port": 8080, "health_check_path": "/health/live"}
GOOD: dict[str, t.Any] = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "aws_region": "eu-central-1",
    "vpc_id": "vpc-1",
    "vpc_public_subnet_ids": ["subnet-1", "subnet-2"],
    "alb_certificate_arn": CERTIFICATE,
    "alb_public_url": "https://shop.example",
    "alb_target_groups": [API],
}
CASES = {
    "plain-http-by-mistake": Case(
        "alb_certificate_arn", "", ("alb_certificate_arn is empty", "alb_allow_plain_http: true")
    ),
    "certificate-is-no-arn": Case("alb_certificate_arn", "shop.example", ("alb_certificate_arn is shop.example",)),
    "certificate-without-a-name": Case(
        "alb_public_url", "", ("alb_public_url is empty, but alb_certificate_arn is set", "https://shop.example")
    ),
    "certificate-of-plain-http": Case(
        "alb_public_url", "http://shop.example", ("alb_public_url is http://shop.example",)
    ),
    "first-group-lists-no-path": Case(
        "alb_target_groups", [{**API, "paths": []}], ("alb_target_groups, api: no request would reach it",)
    ),
    "second-group-has-no-paths": Case(
        "alb_target_groups", [API, {"name": "admin", "port": 1}], ("alb_target_groups, admin: no request would reach",)
    ),
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a user sees of all cases."""
    return validated(tmp_path_factory.mktemp("alb"), GOOD, CASES, ["alb"])


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_with_key_value_and_what_is_allowed(output: str, name: str) -> None:
    assert_refused(output, name, CASES[name])


def test_good_input_is_accepted(output: str) -> None:
    assert "ok: [good]" in output, output[-3000:]


# More than a rule has.
PATHS = ["/transaction", "/transaction/*", "/health", "/version", "/a", "/b"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A load balancer in front of targets that there are none of: what it forwards is answered with 503."""
    with emulators.ministack() as endpoint:
        ec2 = boto3.client(
            "ec2", endpoint_url=endpoint, region_name="eu-central-1", aws_access_key_id="123456789012",
            aws_secret_access_key="emulated",
        )  # fmt: skip
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-central-1{zone}")
            for number, zone in enumerate("ab")
        ]
        project = Project(tmp_path_factory.mktemp("closed"), endpoint)
        project.inventory(
            **{
                **GOOD, "vpc_id": vpc, "vpc_public_subnet_ids": [each["Subnet"]["SubnetId"] for each in subnets],
                "alb_target_groups": [{**API, "paths": PATHS}], "alb_certificate_arn": "", "alb_allow_plain_http": True,
                # MiniStack does not know this attribute.
                "alb_drop_invalid_header_fields": False,
            }
        )  # fmt: skip
        made = project.converge("alb")
        assert made.returncode == 0, made.output
        yield f"{endpoint}/_alb/{project.host}-alb"


# The emulator finds the account by the access key.
CREDENTIAL = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-central-1/elasticloadbalancing/aws4_request"


def status(url: str) -> int:
    """What the load balancer itself answers."""
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": CREDENTIAL}), timeout=10)
    with answer.value as error:
        assert error.headers["Server"] == "awselb/2.0", error.read()
        return error.code


@pytest.mark.parametrize(
    "path", ["/transaction", "/transaction/5", "/transaction?limit=1", "/health", "/version", "/b"]
)
def test_what_is_listed_is_forwarded(url: str, path: str) -> None:
    assert status(url + path) == 503


@pytest.mark.parametrize(
    "path",
    [
        "/", "/metrics", "/%6detrics", "/metrics/", "//metrics", "/METRICS", "/docs", "/redoc", "/openapi.json",
        "/health/live", "/health/ready", "/transactions", "/nowhere",
    ],
)  # fmt: skip
def test_everything_else_is_answered_by_the_load_balancer(url: str, path: str) -> None:
    assert status(url + path) == 404


# Whatever opens something, and the environments that may say so in what is shipped.
OPENINGS = {
    "alb_allow_plain_http": {"dev", "local"},
    "transactions_authentication": {"local"},
    "rest_api_authorizer_function": {"local"},
    "ecs_services_allow_unauthenticated": set(),
    "rest_api_allow_unauthenticated": set(),
}


@pytest.mark.parametrize("opening", OPENINGS)
def test_shipped_environments_are_closed_unless_they_say_so(opening: str) -> None:
    files = sorted((ROOT / "inventories").glob("*/*_vars/*.yml"))
    assert len(files) > 10
    saying = {path.parts[-3] for path in files if opening in yaml.safe_load(path.read_text())}
    assert saying == OPENINGS[opening]
