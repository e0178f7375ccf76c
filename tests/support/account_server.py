"""Reads an emulated account over HTTP: one process makes its twenty clients once, where a program made them each time.

GET / answers with the account, normalised, and GET /ready with nothing. POST /<service>/<operation> makes one call with
the parameters in the body, which is how a scenario changes something behind our back. POST /reset empties the account.
It is that of the process's environment.
"""

from __future__ import annotations

import argparse
import json
import typing as t
from http.server import BaseHTTPRequestHandler, HTTPServer

from tests.support import account, emulators


class Handler(BaseHTTPRequestHandler):
    """Answers one request after the other."""

    without: t.ClassVar[list[str]] = []
    resets: t.ClassVar[list[str]] = []
    tells: t.ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Read the account, unless only asked whether it could be."""
        self._answer(dict if self.path == "/ready" else lambda: account.normalised(account.read_account(self.without)))

    def do_POST(self) -> None:
        """Make one call, or empty the account."""
        if self.path == "/reset":
            self._answer(self._reset)
            return
        _root, service, operation = self.path.split("/")
        parameters = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(lambda: self._call(service, operation, parameters))

    def _call(self, service: str, operation: str, parameters: dict[str, t.Any]) -> t.Any:
        answer = account.call(service, operation, parameters)
        for url in self.tells:
            emulators.post(url)
        return answer

    def _reset(self) -> None:
        for url in self.resets:
            emulators.post(url)

    def log_message(self, format: str, *args: t.Any) -> None:
        """Be quiet."""

    def _answer(self, work: t.Callable[[], t.Any]) -> None:
        try:
            status, answer = 200, work()
        except Exception as error:
            status, answer = 500, {"error": f"{type(error).__name__}: {error}"}
        body = json.dumps(answer, default=str, sort_keys=True).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--without", action="append", default=[], help="a service that the emulator lacks")
    parser.add_argument("--reset", action="append", default=[], help="what empties an emulator")
    parser.add_argument("--tell", action="append", default=[], help="who is told of each call")
    options = parser.parse_args()
    Handler.without, Handler.resets, Handler.tells = options.without, options.reset, options.tell
    HTTPServer(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
