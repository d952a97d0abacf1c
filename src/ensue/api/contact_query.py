"""The part of a list's query that has no fixed names: `attributes.<name>=<value>`."""

from starlette.datastructures import QueryParams
from starlette.requests import Request

from ensue.base import bounds, json
from ensue.base.errors import Invalid
from ensue.store.sql.comparing import PLAIN
from ensue.store.sql.contact_list import Value

_PREFIX = "attributes."


def read_attributes(query: QueryParams) -> list[tuple[list[str], Value]]:
    """(keys, value) of each attribute that is asked for.

    Raises:
        Invalid: a name that cannot be asked for, or too many.
    """
    found: list[tuple[list[str], Value]] = []
    faults = []
    for name, text in query.multi_items():
        if not name.startswith(_PREFIX):
            continue
        keys = name.removeprefix(_PREFIX).split(".")
        if not all(PLAIN.fullmatch(key) for key in keys):
            faults.append((name, "must be attributes.<name> of letters, digits and _"))
        found.append((keys, _value(text)))
    if len(found) > bounds.FILTERS:
        faults.append(("attributes", f"must not be more than {bounds.FILTERS}"))
    if faults:
        raise Invalid.of(faults)
    return found


def refuse_unknown(request: Request) -> None:
    """Refuse parameters that the route does not have: a filter that is misspelled must not list everybody.

    Raises:
        Invalid: naming each.
    """
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    unknown = [name for name in request.query_params if name not in known and not name.startswith(_PREFIX)]
    if unknown:
        raise Invalid.of([(name, "is not a parameter of this list") for name in unknown])


def _value(text: str) -> Value:
    """`3`, `true`, `null` and `"3"` are what JSON says; anything else is the text itself."""
    try:
        value = json.decode_strict(text.encode())
    except Invalid:
        return text
    if isinstance(value, int) and abs(value) > 2**53:
        return text
    return value if value is None or isinstance(value, str | int | float | bool) else text
