"""Is it alive, is it ready, what does it count."""

import asyncio
from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ensue import __version__
from ensue.api.services import Services
from ensue.base.errors import EnsueError, Unavailable

router = APIRouter(tags=["Health"])

_READY_SECONDS = 2.0


@router.get("/api/health", summary="Is the process alive")
async def health() -> dict[str, str]:
    """200 for as long as the process answers at all."""
    return {"status": "ok", "version": __version__}


@router.get("/api/health/ready", summary="Can it store events now", responses={503: {"description": "Not now"}})
async def ready(request: Request) -> JSONResponse:
    """200 when a write transaction can be made durable now, else 503."""
    services: Services = request.app.state.services
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await services.write(lambda tables: tables.largest_id())
    except EnsueError as error:
        return JSONResponse({"status": "unavailable", "reason": error.message}, 503, {"retry-after": "1"})
    except TimeoutError:
        return JSONResponse(
            {"status": "unavailable", "reason": "The store does not answer."}, 503, {"retry-after": "1"}
        )
    return JSONResponse({"status": "ready"})


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """The text format of Prometheus."""
    services: Services = request.app.state.services
    registry = CollectorRegistry()
    registry.register(_Counters(services, await _timer_lag(services)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Counters:
    """Reads the parts' own counters when asked, so that counting costs the hot path nothing more."""

    def __init__(self, services: Services, timer_lag: float) -> None:
        self._services = services
        self._timer_lag = timer_lag

    def collect(self) -> Iterator[Metric]:
        """Each counter once."""
        commits = self._services.commits
        yield CounterMetricFamily("ensue_events", "Events stored by this process.", commits.events)
        yield CounterMetricFamily("ensue_transactions", "Transactions committed by this process.", commits.transactions)
        yield GaugeMetricFamily("ensue_events_waiting", "Events waiting for the next transaction.", commits.waiting)
        yield GaugeMetricFamily("ensue_timer_lag_seconds", "How late the oldest timer is.", self._timer_lag)


async def _timer_lag(services: Services) -> float:
    try:
        next_due = await services.glance(lambda tables: tables.next_due())
    except Unavailable:
        return float("nan")
    late = services.engine.clock.now() - next_due if next_due is not None else 0
    return max(late, 0) / 1000
