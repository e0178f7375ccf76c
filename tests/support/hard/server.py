"""Puts behaviours between a client and its emulators.

POST /hard/reset says that the account was emptied and POST /hard/changed that somebody wrote to it without the proxy.
GET /hard/ready answers when it listens.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from tests.support.api_proxy import Answer, ApiProxy, Request, send
from tests.support.hard.behaviour import Behaviour, choose
from tests.support.hard.families import BEHAVIOURS
from tests.support.hard.protocol import Call, Outcome, Refusal, read_answer, read_request, write_answer
from tests.support.hard.world import World


class HardProxy(ApiProxy):
    """A proxy before one emulator, or before several: ``beside`` names those of single services."""

    def __init__(
        self,
        target: str,
        behaviours: str = "all",
        *,
        beside: Mapping[str, str] | None = None,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.world = World(clock)
        self.behaviours: Sequence[Behaviour] = [each(self.world) for each in choose(behaviours, BEHAVIOURS)]
        self.beside = {service: urlsplit(url) for service, url in (beside or {}).items()}
        self.is_talkative = False
        super().__init__(target, port)

    def exchange(self, request: Request) -> Answer:
        """What AWS would answer."""
        if request.path.startswith("/hard/"):
            return self._control(request)
        call = read_request(request)
        if call is None:
            return send(self.target, request)
        try:
            return self._answer(call, request)
        except Exception as error:
            # A fault of the proxy is to be seen by whoever asked, and is not tried again.
            traceback.print_exc()
            return write_answer(call, Refusal("HardProxyFailed", f"{type(error).__name__}: {error}"))

    def _answer(self, call: Call, request: Request) -> Answer:
        for behaviour in self.behaviours:
            early = behaviour.before(call)
            if early is not None:
                self._log(behaviour, call, early)
                return write_answer(call, early)
        answer = send(self.beside.get(call.service, self.target), request)
        outcome = read_answer(call, answer)
        if outcome is None:
            return answer
        self.world.note(call, outcome)
        changed = self._changed(call, outcome)
        return answer if changed is outcome else write_answer(call, changed)

    def _changed(self, call: Call, outcome: Outcome) -> Outcome:
        for behaviour in self.behaviours:
            changed = behaviour.after(call, outcome)
            if changed is not outcome:
                self._log(behaviour, call, changed)
            outcome = changed
        return outcome

    def _log(self, behaviour: Behaviour, call: Call, outcome: Outcome) -> None:
        """Say, where that was asked for, what was done to a call, for whoever looks for the reason of a failure."""
        if self.is_talkative:
            said = outcome.code if isinstance(outcome, Refusal) else "other answer"
            print(f"{self.world.clock():.1f} {behaviour.name}: {call.service}:{call.operation} {said}", file=sys.stderr)

    def _control(self, request: Request) -> Answer:
        if request.path == "/hard/reset":
            self.world.forget_all()
            for behaviour in self.behaviours:
                behaviour.forget()
        elif request.path == "/hard/changed":
            self.world.changed = self.world.clock()
        return Answer(200, [], b"")


def main() -> None:
    """Serve until the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("target")
    parser.add_argument("--behaviours", default="all")
    parser.add_argument("--beside", action="append", default=[], help="SERVICE=URL of a service that is elsewhere")
    options = parser.parse_args()
    beside = dict(each.split("=", 1) for each in options.beside)
    proxy = HardProxy(options.target, options.behaviours, beside=beside, port=options.port)
    proxy.is_talkative = True
    proxy.wait()


if __name__ == "__main__":
    main()
