"""What load balancers, monitoring and deployments ask for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request, Response

from transactions.api.problems import ProblemError, problem_docs
from transactions.api.schemas import HealthResponse, ProbeResponse, ServiceHealth, VersionResponse
from transactions.metrics import CONTENT_TYPE, render_metrics
from transactions.services import Services, get_services

router = APIRouter(tags=["operations"])


async def _redis_state(services: Services) -> Literal["up", "down", "disabled"]:
    if services.redis is None:
        return "disabled"
    return "up" if await services.redis.ping() else "down"


@router.get(
    "/health",
    summary="State of the service and of what it depends on",
    response_model=HealthResponse,
    response_model_exclude_none=True,
    responses={HTTPStatus.SERVICE_UNAVAILABLE.value: {"model": HealthResponse, "description": "Database away"}},
)
async def health(request: Request, response: Response) -> HealthResponse:
    """200 while requests can be answered, 503 while the database is away. Who sends no key is not told more."""
    services = get_services(request)
    database_up, redis = await asyncio.gather(services.database.is_up(), _redis_state(services))
    status: Literal["ok", "degraded", "unavailable"] = "ok"
    if not database_up:
        status = "unavailable"
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    elif redis == "down":
        status = "degraded"
    if request.state.caller is None:
        # That there is no rate limit for the moment is nothing to tell everybody.
        return HealthResponse(status="unavailable" if status == "unavailable" else "ok", timestamp=datetime.now(UTC))
    return HealthResponse(
        status=status,
        timestamp=datetime.now(UTC),
        services=ServiceHealth(database="up" if database_up else "down", redis=redis),
    )


@router.get("/health/live", summary="Liveness")
async def live() -> ProbeResponse:
    """The process handles requests. It asks nothing else: restarting it would not bring a database back."""
    return ProbeResponse()


@router.get("/health/ready", summary="Readiness", responses=problem_docs(HTTPStatus.SERVICE_UNAVAILABLE))
async def ready(request: Request) -> ProbeResponse:
    """Whether requests should be sent here: the database answers and the process is not stopping."""
    services = get_services(request)
    if services.draining:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "stopping", "This instance is stopping.")
    if not await services.database.is_up():
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", "The database does not answer in time."
        )
    return ProbeResponse()


@router.get("/version", summary="Which build answers, and where")
async def version(request: Request) -> VersionResponse:
    """The version, the commit it was built from, and the instance that answers."""
    settings = get_services(request).settings
    return VersionResponse(version=settings.app_version, commit=settings.app_commit, instance=settings.instance)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={HTTPStatus.OK.value: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics() -> Response:
    """The metrics of all workers of this instance."""
    return Response(render_metrics(), media_type=CONTENT_TYPE)
