"""The API as it is deployed, in an emulated account: API Gateway, the functions, the table."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

import boto3
import httpx

ROOT = Path(__file__).parents[1]
REGION = "eu-central-1"
NAME = "items-test"
SCHEMA = json.loads((ROOT / "data/schemas/items.json").read_text())
COMMIT = "3f2a91c"


@dataclass
class Deployment:
    """The API in the emulator."""

    endpoint: str
    url: str = ""

    def client(self, service: str) -> Any:
        """A client of the account."""
        return boto3.client(
            cast(Any, service),
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request over HTTP."""
        return httpx.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=60)

    def invoke(self, event: dict[str, Any]) -> Any:
        """Invoke the function directly."""
        answer = self.client("lambda").invoke(FunctionName=f"{NAME}-api", Payload=json.dumps(event).encode())
        return json.load(answer["Payload"])


@contextlib.contextmanager
def deployed() -> Iterator[Deployment]:
    """Start an emulator on a free port, deploy to it, and stop it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "EDGE_PORT": str(port), "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0", "LAMBDA_EXECUTOR": "local", "DOCKER_HOST": "unix:///nonexistent",
    }  # fmt: skip
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as home:
        command = [str(Path(sys.executable).with_name("ministack"))]
        # It leaves behind what it unpacks functions to.
        environment |= {"HOME": home, "TMPDIR": home}
        emulator = subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log)
        try:
            deployment = Deployment(f"http://127.0.0.1:{port}")
            wait_for(f"{deployment.endpoint}/_ministack/health", emulator)
            deploy(deployment)
            yield deployment
        finally:
            emulator.terminate()
            emulator.wait(timeout=30)


def wait_for(url: str, emulator: subprocess.Popen[bytes]) -> None:
    """Return when the emulator answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert emulator.poll() is None, "the emulator has ended"
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url)
            return
        time.sleep(0.1)
    raise AssertionError(f"no answer from {url}")


def deploy(deployment: Deployment) -> None:
    """Make table, function and API; the API has the paths of the OpenAPI document."""
    deployment.client("dynamodb").create_table(TableName=NAME, **SCHEMA)
    function = deployment.client("lambda").create_function(
        FunctionName=f"{NAME}-api",
        Runtime="python3.11",
        Handler="items.main.handler",
        Role="arn:aws:iam::000000000000:role/items",
        Code={"ZipFile": package()},
        Timeout=30,
        MemorySize=512,
        Environment={
            "Variables": {
                "TABLE_NAME": NAME,
                "APP_ENVIRONMENT": "local",
                "CORS_ORIGINS": "https://shop.example",
                "POWERTOOLS_TRACE_DISABLED": "true",
            }
        },
    )
    gateway = deployment.client("apigateway")
    api = gateway.create_rest_api(name=NAME)["id"]
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function['FunctionArn']}/invocations"
    resources = {"/": gateway.get_resources(restApiId=api)["items"][0]["id"]}
    for path, methods in json.loads((ROOT / "openapi.json").read_text())["paths"].items():
        for folder in [*reversed(PurePosixPath(path).parents[:-1]), PurePosixPath(path)]:
            if str(folder) not in resources:
                parent = resources[str(folder.parent)]
                made = gateway.create_resource(restApiId=api, parentId=parent, pathPart=folder.name)
                resources[str(folder)] = made["id"]
        for method in [*methods, "options"]:
            where = {"restApiId": api, "resourceId": resources[path], "httpMethod": method.upper()}
            gateway.put_method(**where, authorizationType="NONE")
            gateway.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=api, stageName="test")
    deployment.url = f"{deployment.endpoint}/restapis/{api}/test/_user_request_"


def package() -> bytes:
    """The sources; what they need, the emulator has from the virtualenv that it runs in."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in (ROOT / "items").rglob("*.py"):
            archive.write(path, path.relative_to(ROOT))
        archive.writestr("release.json", json.dumps({"commit": COMMIT}))
    return buffer.getvalue()
