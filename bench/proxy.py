# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AWS as it is felt from afar: a proxy before an emulator that adds latency, faults and creation times."""

from __future__ import annotations

import asyncio
import collections.abc as c
import dataclasses
import random
import time
from urllib.parse import urlsplit

from bench.wire import Message, Server, answer, read_body, read_head
from tests.support.api_proxy import operation_of


@dataclasses.dataclass(frozen=True)
class Creation:
    """A resource that AWS needs long to make: from ``operation`` on its state is ``pending`` for ``seconds``.

    ``poll_seconds`` is how often the module that waits for it asks; 0 where it asks often enough not to matter.
    """

    service: str
    operation: str
    seconds: float
    ready: bytes
    pending: bytes
    poll_seconds: float = 0

    def scaled(self, factor: float) -> Creation:
        """The same, but faster. How often modules ask is theirs and stays."""
        return dataclasses.replace(self, seconds=self.seconds * factor)

    @property
    def visible_seconds(self) -> float:
        """When a module that asks at its own pace can see the resource ready."""
        if not self.poll_seconds:
            return self.seconds
        return -(-self.seconds // self.poll_seconds) * self.poll_seconds


# Times as seen in public logs. Waiters of warm processes ask every ten seconds in the end.
CREATIONS = (
    Creation("ec2", "CreateNatGateway", 90, b"<state>available</state>", b"<state>pending</state>"),
    Creation("elbv2", "CreateLoadBalancer", 150, b"<Code>active</Code>", b"<Code>provisioning</Code>", 10),
    Creation(
        "rds", "CreateDBInstance", 420,
        b"<DBInstanceStatus>available</DBInstanceStatus>", b"<DBInstanceStatus>creating</DBInstanceStatus>", 10,
    ),
    Creation(
        "elasticache", "CreateReplicationGroup", 420, b"<Status>available</Status>", b"<Status>creating</Status>"
    ),
)  # fmt: skip
# Which answers tell the state of what was created.
ANSWERS = {
    "CreateNatGateway": {"CreateNatGateway", "DescribeNatGateways"},
    "CreateLoadBalancer": {"CreateLoadBalancer", "DescribeLoadBalancers"},
    "CreateDBInstance": {"CreateDBInstance", "DescribeDBInstances"},
    "CreateReplicationGroup": {"CreateReplicationGroup", "DescribeReplicationGroups"},
}
FAULTS = ("throttle", "error", "hang up")


class Proxy(Server):
    """Forwards to one emulator. ``operations`` lists what was asked."""

    def __init__(
        self, target: str, latency: float = 0.0, fault_rate: float = 0.0, creations: c.Sequence[Creation] = ()
    ) -> None:
        self.operations: list[str] = []
        self._target = urlsplit(target)
        self._latency = latency
        self._fault_rate = fault_rate
        self._creations = creations
        self._ready_at: dict[str, float] = {}
        self._random = random.Random(0)  # noqa: S311 - the same faults in each run
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        super().__init__()

    async def respond(self, request: Message) -> Message | None:
        """Wait as long as the way takes, then forward, or answer with a fault."""
        method, path, _version = request.start.split(" ", 2)
        headers = {name.title(): value for name, value in request.headers.items()}
        operation = operation_of(method, path, headers, request.body).partition(":")[2]
        self.operations.append(operation)
        await asyncio.sleep(self._latency)
        if self._random.random() < self._fault_rate:
            return self._fault()
        response = await self._forward(request, has_body=method != "HEAD")
        return self._delayed(operation, response) if response else None

    def _fault(self) -> Message | None:
        kind = self._random.choice(FAULTS)
        if kind == "hang up":
            return None
        if kind == "error":
            return answer(503)
        return answer(429, b"<Response><Errors><Error><Code>Throttling</Code></Error></Errors></Response>")

    def _delayed(self, operation: str, response: Message) -> Message:
        """What was just created is not ready yet."""
        body, now = response.body, time.monotonic()
        for creation in self._creations:
            if operation == creation.operation:
                self._ready_at[operation] = now + creation.seconds
            if operation in ANSWERS[creation.operation] and now < self._ready_at.get(creation.operation, 0):
                body = body.replace(creation.ready, creation.pending)
        if body == response.body:
            return response
        return response._replace(body=body, headers={**response.headers, "content-length": str(len(body))})

    async def _forward(self, request: Message, has_body: bool) -> Message | None:
        # The emulator may have closed what was idle, so a second connection is a new one.
        for connection in (self._idle.pop() if self._idle else None, None):
            reader, writer = connection or await asyncio.open_connection(
                self._target.hostname, self._target.port, limit=2**24
            )
            try:
                writer.write(request.encoded())
                await writer.drain()
                head = await read_head(reader)
            except ConnectionError:
                head = None
            if head is None:
                writer.close()
                continue
            response = await read_body(reader, head) if has_body else head
            self._idle.append((reader, writer))
            return response
        return None
