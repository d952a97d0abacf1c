"""The ASGI app: the hot paths in front, the control plane behind, security headers around both."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from ensue import __version__
from ensue.api import (
    audit,
    auth,
    bodies,
    campaign_dry_runs,
    campaigns,
    consents,
    contact_profile,
    contact_tags,
    contact_timeline,
    contacts,
    devices,
    engagement,
    events,
    feedback,
    form_submissions,
    forms,
    health,
    incoming,
    keys,
    launches,
    members,
    message_limits,
    messages,
    push,
    reference,
    score_history,
    scoring,
    scoring_runs,
    segment_members,
    segments,
    senders,
    split_tests,
    suppressions,
    telegram,
    telegram_links,
    template_trials,
    templates,
    webhooks,
    workspaces,
)
from ensue.api.access import Access
from ensue.api.data_plane import App, DataPlane
from ensue.api.openapi import describe
from ensue.api.public import feedback as public_feedback
from ensue.api.public import forms as public_forms
from ensue.api.public import incoming as public_incoming
from ensue.api.public import push as public_push
from ensue.api.public import telegram as public_telegram
from ensue.api.public import unsubscribe
from ensue.api.public.rate import Rate
from ensue.api.public.tracking import TrackingPlane
from ensue.api.security_headers import SecurityHeaders
from ensue.api.services import Services
from ensue.base import bounds

RESOURCES = (
    health,
    auth,
    workspaces,
    members,
    keys,
    audit,
    events,
    contacts,
    contact_profile,
    contact_tags,
    consents,
    devices,
    contact_timeline,
    campaign_dry_runs,
    campaigns,
    launches,
    split_tests,
    message_limits,
    telegram,
    telegram_links,
    public_telegram,
    push,
    public_push,
    segments,
    segment_members,
    scoring_runs,
    scoring,
    score_history,
    messages,
    senders,
    engagement,
    suppressions,
    feedback,
    public_feedback,
    unsubscribe,
    webhooks,
    incoming,
    public_incoming,
    forms,
    form_submissions,
    public_forms,
    template_trials,
    templates,
)


def make_app(services: Services, running: Callable[[], AbstractAsyncContextManager[None]]) -> App:
    """The whole HTTP surface over running services; `running` starts and stops their loops."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running():
            yield

    control_plane = FastAPI(
        title="Ensue",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    access = Access(services)
    control_plane.state.services = services
    control_plane.state.access = access
    control_plane.state.form_rate = Rate(
        services.engine.clock, bounds.FORM_RATE, bounds.FORM_RATE_WINDOW, bounds.FORM_RATE_KEPT
    )
    bodies.install(control_plane)
    for resource in RESOURCES:
        control_plane.include_router(resource.router)
    describe(control_plane)
    reference.install(control_plane)
    return SecurityHeaders(DataPlane(TrackingPlane(control_plane, services), services, access))
