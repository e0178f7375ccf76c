"""The yardstick: an endpoint of FastAPI that does nothing."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def nothing() -> dict[str, str]:
    """Answer an empty object."""
    return {}
