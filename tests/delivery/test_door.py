"""What a container of the application gets from the gateway: the key of its role, and no way to run code."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.delivery.releases import System

# Runs in the container, where there is Python and no SDK.
ATTACK = """
import http.client, json, os, urllib.parse
gateway = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
seen = []
for method, path, headers in (
    ("POST", "/2015-03-31/functions", {}),
    ("POST", "/2015-03-31/functions", {"Host": f"127.0.0.1:{gateway.port}"}),
    ("POST", "/2015-03-31/functions", {"Content-Type": "text/plain", "Origin": "http://evil.example"}),
    ("POST", "/", {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.RunTask"}),
    ("POST", "/", {"X-Amz-Target": "secretsmanager.ListSecrets"}),
    ("POST", "/_ministack/reset", {}),
    ("GET", "/v2/_catalog", {}),
    ("GET", "/v2/credentials/any", {}),
    ("GET", "/", {"Authorization": "AWS4-HMAC-SHA256 Credential=%s/20260101/us-east-1/s3/aws4_request, "
                                   "SignedHeaders=host, Signature=0" % os.environ["ACCOUNT"]}),
):
    asked = http.client.HTTPConnection(gateway.hostname, gateway.port, timeout=30)
    asked.request(method, path, "{}", headers)
    seen.append([method, path, asked.getresponse().status])
asked = http.client.HTTPConnection(gateway.hostname, gateway.port, timeout=30)
asked.request("GET", urllib.parse.urlsplit(os.environ["ECS_CONTAINER_METADATA_URI_V4"]).path)
print(json.dumps({"refused": seen, "metadata": asked.getresponse().status, "names": sorted(os.environ)}))
"""


def test_a_container_without_its_roles_key_is_refused_and_is_told_only_what_it_is(system: System) -> None:
    container = sorted(system.containers())[0]
    account = system.local.settings["SLIPWAY_LOCAL_ACCOUNT"]
    seen = json.loads(system.local.docker("exec", f"--env=ACCOUNT={account}", container, "python", "-c", ATTACK))
    assert [each for each in seen["refused"] if each[2] != 403] == []
    assert seen["metadata"] == 200
    # A key of its role, and not the address of one, which SDKs would refuse to ask.
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= set(seen["names"])
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in seen["names"]


def test_the_environments_own_key_is_in_no_container(system: System) -> None:
    identity, secret = system.local.access_key()
    for container in system.local.docker("ps", "--quiet").split():
        inspected = system.local.docker("inspect", container)
        assert identity not in inspected
        assert secret not in inspected


def test_the_engine_and_what_functions_run_from_are_closed_to_others(system: System) -> None:
    socket = Path(f"/run/slipway{system.local.port}/docker.sock")
    if not socket.exists():  # the engine is the user's own, and so is what it keeps to itself
        return
    assert socket.stat().st_mode & 0o077 == 0
    ran = subprocess.run(
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "docker", "-H", f"unix://{socket}", "ps"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode != 0
    assert "permission denied" in ran.stderr.lower()
