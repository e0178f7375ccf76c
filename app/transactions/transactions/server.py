"""uvicorn, stopped so that no request is lost."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess

from transactions.config import Settings


def drain_before_exit(start_draining: Callable[[], None], seconds: float) -> None:
    """Put a pause between a signal to stop and the server's handling of it.

    Load balancers learn late that an instance stops, and what they still send must be answered. Called once
    the server's own handlers are in place; a second signal goes to them at once.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        original = signal.getsignal(number)
        if callable(original):
            signal.signal(number, _draining_handler(loop, original, start_draining, seconds))


def _draining_handler(
    loop: asyncio.AbstractEventLoop,
    original: Callable[[int, FrameType | None], object],
    start_draining: Callable[[], None],
    seconds: float,
) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, original)
        start_draining()
        loop.call_soon_threadsafe(loop.call_later, seconds, original, number, None)

    return handle


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, with as many workers as the settings say."""
    config = uvicorn.Config(
        "transactions.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.web_concurrency,
        loop="uvloop",
        http="httptools",
        ws="none",
        # The application writes its own access log and decides itself which proxies it trusts.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        timeout_keep_alive=75,  # longer than the load balancer's 60, so that it is the one to close
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
    )
    if settings.web_concurrency == 1:
        # uvicorn sends itself the signal again once it has stopped; being asked to stop is no failure.
        signal.signal(signal.SIGTERM, lambda _number, _frame: None)
        uvicorn.Server(config).run()
    else:
        Multiprocess(config, sockets=[config.bind_socket()]).run()
