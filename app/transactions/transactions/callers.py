"""Who calls: the owner of an API key, or whom an OpenID provider vouches for."""

from __future__ import annotations

import asyncio
import hmac

from transactions.config import Settings
from transactions.oidc import OpenIdProvider

ANYBODY = "anybody"


class Callers:
    """Those who may call, as the settings name them."""

    def __init__(self, settings: Settings) -> None:
        self._everybody = settings.authentication == "none"
        self._keys = {name: key.get_secret_value().encode() for name, key in settings.api_keys.items()}
        self._provider = OpenIdProvider(settings.oidc_issuer, settings.oidc_audience) if settings.oidc_issuer else None

    async def identify(self, authorization: bytes) -> str | None:
        """The name of who sends this header `Authorization`, None for a stranger.

        Raises ProviderUnavailableError if only the OpenID provider could tell, and does not answer.
        """
        if self._everybody:
            return ANYBODY
        scheme, _, token = authorization.partition(b" ")
        token = token.strip()
        if scheme.lower() != b"bearer" or not token:
            return None
        return self._owner_of(token) or await self._subject_of(token)

    def _owner_of(self, token: bytes) -> str | None:
        # Each key is compared, and each as a whole, so that the time tells nothing.
        owners = [name for name, key in self._keys.items() if hmac.compare_digest(key, token)]
        return owners[0] if owners else None

    async def _subject_of(self, token: bytes) -> str | None:
        if self._provider is None:
            return None
        return await asyncio.to_thread(self._provider.subject_of, token.decode("latin-1"))
