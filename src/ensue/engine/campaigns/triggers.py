"""What starts a campaign, read from JSON and checked.

Triggers: `{"type": "EVENT", "eventType", "conditions"?}`, `{"type": "SEGMENT_ENTERED", "segmentId"}`,
`{"type": "SEGMENT_EXITED", "segmentId"}`, `{"type": "SCORE_CROSSED", "threshold"}`, `{"type": "MANUAL"}`; DATE in
`dates`, SCHEDULE in `schedule`.
"""

from ensue.base import bounds
from ensue.base.ids import read as read_id
from ensue.engine.campaigns.criterion import read_match
from ensue.engine.campaigns.dates import read_date_trigger
from ensue.engine.campaigns.schedule import read_schedule
from ensue.rules import bounds as rule_bounds
from ensue.rules.facts import MISSING
from ensue.rules.faults import Faults, Reader

TRIGGERS = ["EVENT", "SEGMENT_ENTERED", "SEGMENT_EXITED", "SCORE_CROSSED", "DATE", "SCHEDULE", "MANUAL"]


def read_triggers(value: object, path: str, faults: Faults) -> list[tuple[str, int]]:
    """Read triggers and note what is wrong; returns (path, segment id) of the segments that they name."""
    if not isinstance(value, list) or len(value) > bounds.TRIGGERS:
        faults.add(path, f"must be a list of at most {bounds.TRIGGERS} triggers")
        return []
    used: list[tuple[str, int]] = []
    for at, trigger in enumerate(value):
        if isinstance(trigger, dict):
            used += _read_trigger(Reader(trigger, f"{path}[{at}]", faults))
        else:
            faults.add(f"{path}[{at}]", "must be an object with type")
    return used


def _read_trigger(reader: Reader) -> list[tuple[str, int]]:
    used: list[tuple[str, int]] = []
    match reader.one_of("type", TRIGGERS):
        case "EVENT":
            reader.text("eventType", rule_bounds.EVENT_TYPE)
            match = read_match(reader, "conditions")
            used += [(reader.at("conditions"), segment_id) for segment_id in (match.segments if match else ())]
        case "SEGMENT_ENTERED" | "SEGMENT_EXITED":
            text = reader.text("segmentId")
            segment_id = read_id("seg", text) if text is not None else None
            if segment_id is not None:
                used.append((reader.at("segmentId"), segment_id))
            elif text is not None:
                reader.fault("segmentId", "is not the id of a segment")
        case "SCORE_CROSSED":
            threshold = reader.required("threshold")
            if threshold is not MISSING and (type(threshold) is not int or abs(threshold) > rule_bounds.WHOLE):
                reader.fault("threshold", "must be a whole number")
        case "DATE":
            read_date_trigger(reader)
        case "SCHEDULE":
            schedule = read_schedule(reader)
            if schedule is not None and schedule.segment_id is not None:
                used.append((reader.at("segmentId"), schedule.segment_id))
        case "MANUAL":
            pass
        case _:
            return []
    reader.close()
    return used
