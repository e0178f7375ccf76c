"""Tokens of an OpenID provider, which is found by its issuer: https://openid.net/specs/openid-connect-discovery-1_0.html."""

from __future__ import annotations

import json
import urllib.request
from functools import cached_property
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import jwt

# Only what is signed with a private key: with a shared one, whoever can check a token could make one.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
REQUIRED_CLAIMS = ("exp", "iss", "aud", "sub")
TIMEOUT_SECONDS = 2
# How far clocks may be apart.
LEEWAY_SECONDS = 30


class ProviderUnavailableError(Exception):
    """The provider does not say with which keys it signs, so nobody can tell whether a token is good."""


class OpenIdProvider:
    """Checks tokens; it asks the provider for its keys when it needs them, and remembers them for some minutes."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience

    def subject_of(self, token: str) -> str | None:
        """Whose token it is, None if it is not good. Blocks while the provider is asked.

        Raises ProviderUnavailableError if it does not answer.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS or not header.get("kid"):
                return None
            claims: dict[str, Any] = jwt.decode(
                token,
                self._keys.get_signing_key(header["kid"]),
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED_CLAIMS)},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise ProviderUnavailableError(str(error)) from error
        except jwt.PyJWTError:
            return None
        return str(claims["sub"])

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        # An unknown key makes it ask again, but not more often than each half minute: anybody can invent one.
        return jwt.PyJWKClient(self._discover(), timeout=TIMEOUT_SECONDS)

    def _discover(self) -> str:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310  # see Settings
                document = json.load(response)
            issuer, keys = document["issuer"], str(document["jwks_uri"])
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            raise ProviderUnavailableError(f"{url}: {error!r}") from error
        if issuer != self._issuer or urlsplit(keys).scheme != urlsplit(self._issuer).scheme:
            raise ProviderUnavailableError(f"{url} is about the issuer {issuer}, with its keys at {keys}")
        return keys
