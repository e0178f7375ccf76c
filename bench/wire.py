# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Just enough HTTP/1.1 to stand between botocore and an emulator without being what is measured.

One thread with an event loop, connections kept open on both sides.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import threading
import typing as t

Headers = dict[str, str]  # by lower-case name


class Message(t.NamedTuple):
    """A request or an answer: its first line, its headers, its body."""

    start: str
    headers: Headers
    body: bytes

    def encoded(self) -> bytes:
        """As it goes over the wire; the body is sent in one piece."""
        headers = {name: value for name, value in self.headers.items() if name != "transfer-encoding"}
        lines = [self.start, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + self.body


def answer(status: int, body: bytes = b"", **headers: str) -> Message:
    """An answer of our own."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Message(f"HTTP/1.1 {status} Bench", {**named, "content-length": str(len(body))}, body)


async def read_head(reader: asyncio.StreamReader) -> Message | None:
    """The next message of a connection without its body; ``None`` at the connection's end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    start, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
    return Message(start, headers, b"")


async def read_body(reader: asyncio.StreamReader, head: Message) -> Message:
    """A message with its body, whose length is known from here on."""
    if "chunked" in head.headers.get("transfer-encoding", ""):
        body = b"".join([chunk async for chunk in _chunks(reader)])
    else:
        body = await reader.readexactly(int(head.headers.get("content-length") or 0))
    return head._replace(body=body, headers={**head.headers, "content-length": str(len(body))})


async def _chunks(reader: asyncio.StreamReader) -> t.AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readline()
    await reader.readline()


class Server(abc.ABC):
    """Answers on a free port of 127.0.0.1 until closed; what it answers is up to the subclass."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connections: set[asyncio.Task[None]] = set()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**24))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @abc.abstractmethod
    async def respond(self, request: Message) -> Message | None:
        """The answer to a request; ``None`` hangs up."""

    def close(self) -> None:
        """Stop listening."""
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError), contextlib.closing(writer):
            while head := await read_head(reader):
                if head.headers.pop("expect", None):
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                request = await read_body(reader, head)
                response = await self.respond(request)
                if response is None:
                    return
                writer.write(response.encoded())
                await writer.drain()

    def _call(self, work: t.Coroutine[t.Any, t.Any, t.Any]) -> t.Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)
