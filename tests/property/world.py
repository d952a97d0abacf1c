"""Generated rules, histories and contacts, and a contact's facts kept as the engine keeps them."""

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from ensue.base.clock import DAY, HOUR, SECOND, to_iso
from ensue.base.json import decode, encode
from ensue.model.event import Event
from ensue.rules import naive
from ensue.rules.facts import MISSING
from ensue.rules.naive import NaiveContact
from ensue.rules.rule import Rule

START = 1_772_323_200_000  # 2026-03-01T00:00:00Z, the month before Europe's clocks change
UNITS = {"s": SECOND, "h": HOUR, "d": DAY}
SEGMENTS = {1: "seg_0000000000001", 2: "seg_0000000000002"}

scales = st.sampled_from(sorted(UNITS))
"""Windows and histories of seconds, hours or days; one per example, so that they meet."""

NUMBERS: list[Any] = [0, 1, 1.0, 2, 3, 5, -1, 0.1, 0.2, 0.3, 1.5, -2.5, 100, 1e16, 1e-300, 1.7e308, 2**53, 2**70]
VALUES: list[Any] = [*NUMBERS, True, False, "1", "x", "X", "", None, [1], {"a": 1}, 10**400]
FEW: list[Any] = [1, 1.0, 2, 3, "1", True]
POOLS = [FEW, FEW, NUMBERS, VALUES]
"""Few values come again, so that one is better or newer than another; many show what is left out."""


class Log:
    """The stored events of one contact."""

    def __init__(self) -> None:
        self.stored: list[Event] = []
        self.read = 0

    def append(self, event: Event) -> None:
        insort(self.stored, event, key=lambda event: (event.timestamp, event.id))

    def events(self, types, after, upto):
        first = 0 if after is None else bisect_right(self.stored, after, key=lambda event: event.timestamp)
        for event in self.stored[first:]:
            if event.timestamp > upto:
                return
            if event.type in types:
                self.read += 1
                yield event


@dataclass
class World:
    """One contact, its log and the states of a rule's event conditions; satisfies `Facts`."""

    rule: Rule
    contact: NaiveContact = field(default_factory=NaiveContact)
    log: Log = field(default_factory=Log)
    states: dict[str, Any] = field(default_factory=dict)
    score_decays_at: int | None = None

    def arrive(self, event: Event, now: int) -> None:
        self.log.append(event)
        for condition in self.rule.event_conditions:
            taken = condition.take(event)
            if taken is not None:
                state = condition.fold(self.states.get(condition.key), event, taken, now, self.log)
                # As a store does: what comes back is what JSON keeps.
                self.states[condition.key] = decode(encode(state))

    def rebuilt(self, now: int) -> "World":
        history = self.log.stored
        states = {
            condition.key: decode(encode(condition.rebuild(history, now))) for condition in self.rule.event_conditions
        }
        return World(self.rule, self.contact, self.log, states)

    def field(self, name):
        if name == "score":
            return self.contact.score
        return self.contact.fields.get(name, MISSING)

    def time_zone(self):
        return self.contact.time_zone

    def has_tag(self, tag):
        return tag in self.contact.tags

    def consent(self, channel):
        return self.contact.consents.get(channel, "UNKNOWN")

    def in_segment(self, segment_id):
        return segment_id in self.contact.segments

    def score_changes_at(self):
        return self.score_decays_at

    def state(self, key):
        return self.states.get(key)

    def check(self, now: int, *, tight: bool) -> None:
        """The answer is the naive one, no flip comes before the horizon, and (`tight`) there is one at it."""
        verdict = self.rule.evaluate(self, now)
        history = self.log.stored
        assert verdict.holds == naive.holds(self.rule, history, self.contact, now)
        if verdict.flips_at is not None:
            assert verdict.flips_at > now
        for edge in naive.edges(self.rule, history, self.contact, now):
            if verdict.flips_at is not None and edge >= verdict.flips_at:
                break
            assert naive.holds(self.rule, history, self.contact, edge) == verdict.holds, f"flips unseen at {edge}"
        # Anniversaries that follow on without a gap are joined for some years only.
        if tight and verdict.flips_at is not None and verdict.flips_at < now + 10 * 365 * DAY:
            assert naive.holds(self.rule, history, self.contact, verdict.flips_at) != verdict.holds, "flips too early"


# Rules


def lengths(scale: str):
    return st.integers(1, 9).map(lambda count: f"{count}{scale}")


@st.composite
def windows(draw, scale: str, *, sliding: bool = False):
    choice = "sliding" if sliding else draw(st.sampled_from(["sliding", "sliding", "sliding", "none", "fixed"]))
    if choice == "none":
        return {}
    if choice == "sliding":
        return {"timeWindow": draw(lengths(scale))}
    first, last = sorted(draw(st.tuples(st.integers(0, 9), st.integers(0, 9))))
    first, last = first * UNITS[scale] - draw(st.integers(0, 1)), last * UNITS[scale] + draw(st.integers(0, 1))
    ends = {"from": to_iso(START + first), "to": to_iso(START + last)}
    for name in draw(st.sampled_from([[], ["from"], ["to"]])):
        del ends[name]
    return {"timeWindow": ends}


def quantities(operands, operators=("eq", "neq", "gt", "gte", "lt", "lte", "between", "in", "not_in")):
    @st.composite
    def build(draw):
        operator = draw(st.sampled_from(operators))
        match operator:
            case "between":
                return {"operator": operator, "value": sorted([draw(operands), draw(operands)])}
            case "in" | "not_in":
                return {"operator": operator, "value": draw(st.lists(operands, min_size=1, max_size=3))}
            case "exists" | "not_exists":
                return {"operator": operator}
        return {"operator": operator, "value": draw(operands)}

    return build()


wheres = st.one_of(
    *[st.just({})] * 12,
    st.just({"where": {"field": "metadata.n", "operator": "gte", "value": 1}}),
    st.just(
        {"where": {"operator": "OR", "conditions": [
            {"field": "pageUrl", "operator": "exists"},
            {"type": "attribute", "field": "metadata.n", "operator": "in", "value": ["1", True, 2]},
        ]}}
    ),
    st.just({"where": {"operator": "NOT", "conditions": [{"field": "pageUrl", "operator": "contains", "value": "P"}]}}),
)  # fmt: skip
exact_numbers = st.sampled_from([number for number in NUMBERS if number <= 2**53 or isinstance(number, float)])
counts = st.integers(-1, 5) | st.sampled_from([0.5, 2.5, 1.0])


def merged(*parts):
    return st.tuples(*parts).map(lambda found: {name: value for part in found for name, value in part.items()})


def count_leaves(scale: str):
    aggregate = st.sampled_from([{}, {"aggregate": "count"}])
    return merged(st.just({"type": "event", "eventType": "a"}), wheres, windows(scale), aggregate, quantities(counts))


def distinct_leaves(scale: str):
    named = st.just({"type": "event", "eventType": "a", "aggregate": "distinct", "property": "n"})
    return merged(named, wheres, windows(scale), quantities(counts))


def total_leaves(scale: str):
    operators = ("eq", "neq", "gt", "gte", "lt", "lte", "between", "in", "not_in")
    total = st.just({"aggregate": "sum"}) | st.just({"aggregate": "avg"})
    head = merged(st.just({"type": "event", "eventType": "a", "property": "metadata.n"}), total)
    operands = st.sampled_from([1, 1.5, 2, 3, 4, 6]) | exact_numbers
    plain = merged(head, wheres, windows(scale), quantities(operands, operators))
    missing = merged(
        st.just({"type": "event", "eventType": "a", "property": "n", "aggregate": "avg"}),
        windows(scale), quantities(exact_numbers, ("exists", "not_exists")),
    )  # fmt: skip
    return st.one_of(plain, plain, plain, missing)


def extreme_leaves(scale: str):
    operators = ("eq", "neq", "gt", "gte", "lt", "lte", "between", "in", "not_in", "exists", "not_exists")
    head = st.sampled_from(["min", "max"]).map(lambda name: {"aggregate": name})
    named = st.just({"type": "event", "eventType": "a", "property": "n"})
    operands = st.sampled_from([0, 1, 1.5, 2, 3]) | exact_numbers
    return merged(named, head, wheres, windows(scale), quantities(operands, operators))


def steps():
    one = merged(st.sampled_from("aabc").map(lambda name: {"eventType": name}), wheres)
    return st.lists(one, min_size=2, max_size=3).map(lambda found: {"steps": found})


def happened_leaves(scale: str):
    within = st.integers(2, 9).map(lambda count: f"{count}{scale}").map(lambda length: {"within": length})
    return merged(st.just({"type": "sequence"}), steps(), within, windows(scale))


@st.composite
def absent_leaves(draw, scale: str):
    within = draw(st.integers(1, 4))
    window = draw(windows(scale))
    if isinstance(window.get("timeWindow"), str):
        window = {"timeWindow": f"{within + draw(st.integers(1, 5))}{scale}"}
    return {"type": "sequence", "lastStep": "absent", "within": f"{within}{scale}", **draw(steps()), **window}


date_fields = st.sampled_from(["createdAt", "updatedAt", "attributes.day", "attributes.deep.day", "attributes.none"])


def date_leaves(_scale: str = "d"):
    long = st.sampled_from(["1s", "3h", "1d", "5d", "2w", "200d", "365d", "366d"])
    plain = st.fixed_dictionaries(
        {"type": st.just("date"), "field": date_fields, "operator": st.sampled_from(["within_next", "within_last"]),
         "value": long}
    )  # fmt: skip
    yearly = st.fixed_dictionaries(
        {"type": st.just("date"), "field": date_fields, "operator": st.just("anniversary")}, optional={"value": long}
    )
    return plain | yearly


contact_leaves = st.sampled_from(
    [
        {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "gold"},
        {"type": "attribute", "field": "score", "operator": "gte", "value": 10},
        {"type": "attribute", "field": "createdAt", "operator": "before", "value": "2026-01-01"},
        {"type": "tag", "operator": "has", "value": "vip"},
        {"type": "tag", "operator": "not_has", "value": "vip"},
        {"type": "channel", "channel": "EMAIL", "status": "OPTED_IN"},
        {"type": "segment", "operator": "in", "segmentId": SEGMENTS[1]},
        {"type": "segment", "operator": "not_in", "segmentId": SEGMENTS[2]},
    ]
)


def groups(scale: str):
    leaf = st.one_of(
        count_leaves(scale), distinct_leaves(scale), total_leaves(scale), extreme_leaves(scale),
        happened_leaves(scale), absent_leaves(scale), date_leaves(), contact_leaves,
    )  # fmt: skip
    return st.recursive(
        leaf,
        lambda children: st.fixed_dictionaries(
            {
                "operator": st.sampled_from(["AND", "OR", "NOT"]),
                "conditions": st.lists(children, min_size=1, max_size=3),
            }
        ),
        max_leaves=5,
    )


# Histories and contacts


class Arrival(NamedTuple):
    pause: int
    event: Event


@st.composite
def histories(draw, scale: str, rule: Rule):
    """Events in the order in which they arrive, which is any order, and the pause before each.

    Hypothesis likes short lists of equal things, and the same seed again; defects here need long ones of unequal
    things. So each rule has its own sequence of seeds.
    """
    random = Random(f"{rule.key} {draw(st.integers(0, 2**64))}")
    unit = UNITS[scale]
    pool = random.choice(POOLS)
    arrivals = []
    for number in range(1, random.randint(1, 10)):
        at = START + random.randint(0, 8) * unit + random.choice([0, 0, 0, -1, 1])
        kind, page = random.choice("aaaabbc"), random.choice([None, "/p", "/q"])
        event = Event(number, kind, at, at, 1, {"n": random.choice(pool)}, page_url=page)
        arrivals.append(Arrival(random.choice([0, 0, 0, 1, unit - 1, unit, 2 * unit]), event))
    return arrivals


days = st.sampled_from(
    ["2024-02-29", "2026-03-29", "2026-03-29T02:30:00", "1990-10-25T02:30", "2026-03-02T00:00:00Z", "2027-01-01",
     "not a day", 5, None, "0001-01-01", "9999-12-31"]
)  # fmt: skip
contacts = st.builds(
    lambda plan, day, deep, created, tags, email, segments, zone, score: NaiveContact(
        {"attributes": {"plan": plan, "day": day, "deep": {"day": deep}}, "createdAt": created, "updatedAt": START},
        tags, {"EMAIL": email}, segments, zone, score,
    ),
    st.sampled_from(["gold", "tin", None]), days, days,
    st.sampled_from([START, START - 366 * DAY, 1_709_164_800_000, 0]),
    st.frozensets(st.just("vip")), st.sampled_from(["OPTED_IN", "PENDING"]),
    st.frozensets(st.sampled_from(sorted(SEGMENTS))),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati"]), st.sampled_from([0, 10]),
)  # fmt: skip
