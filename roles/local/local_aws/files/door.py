# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may call an emulator: whoever has the environment's access key, and no page in a browser.

Emulators answer everybody. Theirs is a port of this machine, which every page that somebody visits, every other user
and every container reaches too.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from ministack.core.sigv4 import header_signature_failure, parse_header_signature, request_time_failure

# Browsers send one of them with whatever a page makes them do, programs that call AWS send none. Browsers that know no
# Sec-Fetch-Site send Origin with everything but a GET or HEAD, which has no signature.
OF_BROWSERS = ("origin", "sec-fetch-site")
REGISTRY_USER = "AWS"


@dataclass(frozen=True)
class AccessKey:
    """The environment's own access key, which may do everything in it."""

    id: str
    secret: str

    @classmethod
    def read(cls, path: Path) -> AccessKey:
        """The only key in a file of shared credentials."""
        profiles = configparser.ConfigParser(interpolation=None)
        profiles.read_string(path.read_text())
        (profile,) = profiles.sections()
        return cls(profiles[profile]["aws_access_key_id"], profiles[profile]["aws_secret_access_key"])

    @property
    def registry_password(self) -> str:
        """What opens the registry of images, and nothing else."""
        return hmac.new(self.secret.encode(), b"registry", hashlib.sha256).hexdigest()

    def opens_registry(self, authorization: str) -> bool:
        """Whether an Authorization header carries the registry's password."""
        expected = base64.b64encode(f"{REGISTRY_USER}:{self.registry_password}".encode()).decode()
        return hmac.compare_digest(authorization.encode(), f"Basic {expected}".encode())

    def refusal(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
        """Why a request is not one that this key has signed within the last minutes; empty if it is.

        `target` is path and query as they were sent; `headers` have names in lower case.
        """
        signature = parse_header_signature(headers)
        if isinstance(signature, tuple):
            return signature[1]
        if not hmac.compare_digest(signature.access_key_id.encode(), self.id.encode()):
            return "The access key is not the one of this environment."
        path, _, query = target.partition("?")
        parameters = parse_qs(query, keep_blank_values=True)
        failure = request_time_failure(signature) or header_signature_failure(
            signature, self.secret, method, path, parameters, headers, body
        )
        return failure[1] if failure else ""


def foreign(headers: Mapping[str, str], hosts: frozenset[str], *, for_browsers: bool = False) -> str:
    """Why a request is not for this environment or not from a program; empty if it is.

    A name of somebody else's that leads here is how a page becomes of the same origin (DNS rebinding).
    """
    host = headers.get("host", "").lower()
    if host not in hosts:
        return f"This environment is not called {host[:100]!r}."
    sent = [] if for_browsers else [name for name in OF_BROWSERS if name in headers]
    return f"Browsers may not call this; the request has the header {sent[0]}." if sent else ""
