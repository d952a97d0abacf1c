"""Scoring rules as JSON: how they are sent and shown."""

from typing import Annotated, Any

from pydantic import Field

from ensue.api.bodies import Answer, Body, ShownInstant, Text
from ensue.base import bounds
from ensue.base.clock import DAY, HOUR, MINUTE, SECOND, WEEK
from ensue.base.errors import Invalid
from ensue.base.ids import read, show
from ensue.model.score import ScoringRule
from ensue.rules.bounds import DURATION
from ensue.rules.faults import duration

_NAME = 200
_UNITS = (("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND))


class NewRule(Body):
    """Points for a type of event, when its condition holds."""

    name: Annotated[Text, Field(max_length=_NAME)]
    event_type: Annotated[str, Field(min_length=1, max_length=bounds.EVENT_TYPE)]
    delta: int
    active: bool = True
    condition: dict[str, Any] | None = None
    max_score: int | None = None
    min_score: int | None = None
    decay_points: int | None = None
    decay_days: int | None = None
    cooldown: str | None = None
    once: bool = False


def _without_default(schema: dict[str, Any]) -> None:
    # What is absent stays; the default only stands for that, and must not be sent.
    schema.pop("default", None)


class RuleChanges(Body):
    """What to change of a rule; null clears what may be empty."""

    name: Annotated[Text, Field(max_length=_NAME, json_schema_extra=_without_default)] = ""
    event_type: Annotated[
        str, Field(min_length=1, max_length=bounds.EVENT_TYPE, json_schema_extra=_without_default)
    ] = ""
    delta: int = 0
    active: bool = True
    condition: dict[str, Any] | None = None
    max_score: int | None = None
    min_score: int | None = None
    decay_points: int | None = None
    decay_days: int | None = None
    cooldown: str | None = None
    once: bool = False


class ShownRule(Answer):
    """A scoring rule."""

    id: str
    name: str
    active: bool
    event_type: str
    condition: dict[str, Any] | None
    delta: int
    max_score: int | None
    min_score: int | None
    decay_points: int | None
    decay_days: int | None
    cooldown: str | None
    once: bool
    version: int
    created_at: ShownInstant
    updated_at: ShownInstant


def rule_id(text: str) -> int:
    """The number of a rule's id; 0, which no rule has, for a text that is none."""
    return read("sr", text) or 0


def fields(given: dict[str, Any]) -> dict[str, Any]:
    """What was given, as fields of the model.

    Raises:
        Invalid: the cooldown is no duration.
    """
    if "decay_days" in given:
        days = given.pop("decay_days")
        given["decay_period"] = days * DAY if days is not None else None
    if "cooldown" in given:
        given["cooldown_text"] = text = given["cooldown"]
        given["cooldown"] = length = duration(text)
        if text is not None and (length is None or length > DURATION):
            raise Invalid.at(
                "cooldown", f"must be a duration such as 30m, 12h or 7d, of at most {DURATION // DAY} days"
            )
    return given


def shown(rule: ScoringRule) -> ShownRule:
    """A rule as it is shown."""
    return ShownRule(
        id=show("sr", rule.id),
        name=rule.name,
        active=rule.active,
        event_type=rule.event_type,
        condition=rule.condition,
        delta=rule.delta,
        max_score=rule.max_score,
        min_score=rule.min_score,
        decay_points=rule.decay_points,
        decay_days=rule.decay_period // DAY if rule.decay_period is not None else None,
        cooldown=rule.cooldown_text or _written(rule.cooldown),
        once=rule.once,
        version=rule.version,
        created_at=rule.created_at,
        updated_at=rule.updated_at,
    )


def _written(length: int | None) -> str | None:
    if length is None:
        return None
    return next((f"{length // size}{unit}" for unit, size in _UNITS if length % size == 0), None)
