"""Whose it is."""

import msgspec


class Workspace(msgspec.Struct, frozen=True):
    """A tenant. `trigger_horizon` is the age in milliseconds past which an event triggers no campaign."""

    id: int
    name: str
    slug: str
    time_zone: str
    trigger_horizon: int
    definitions_version: int
    created_at: int
    updated_at: int
