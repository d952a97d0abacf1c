"""Values on their way to PostgreSQL, in its text format."""

from collections.abc import Iterable, Sequence

from ensue.base.errors import Invalid


def text_of(value: object) -> bytes | None:
    """One value; a bool is 1 or 0, as it is in every statement.

    Raises:
        Invalid: a text that cannot be stored.
    """
    match value:
        case None:
            return None
        case str():
            return _encoded(value)
        case bool() | int():
            return b"%d" % value
        case bytes():
            return b"\\x" + value.hex().encode()
        case float():
            return repr(value).encode()
        case _:
            raise TypeError(f"no value of a statement: {type(value).__name__}")


def arrays_of(rows: Sequence[Sequence[object]], kinds: Sequence[str]) -> list[bytes]:
    """One array for each column of some rows.

    Raises:
        Invalid: a text that cannot be stored.
    """
    columns = zip(*rows, strict=True)
    return [_ARRAYS.get(kind, _quoted)(column) for kind, column in zip(kinds, columns, strict=True)]


def _numbers(column: Iterable[object]) -> bytes:
    shown = ",".join(["NULL" if value is None else str(int(value)) for value in column])  # type: ignore[call-overload]
    return f"{{{shown}}}".encode()


def _quoted(column: Iterable[object]) -> bytes:
    return _encoded(f"{{{','.join([_quote(value) for value in column])}}}")


def _quote(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case bytes():
            return f'"\\\\x{value.hex()}"'
        case _:
            return str(value)


def _encoded(text: str) -> bytes:
    if "\x00" in text:
        raise Invalid("A text holds the character NUL, which cannot be stored.")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Invalid("A text holds half of a surrogate pair, which cannot be stored.") from None


_ARRAYS = {"bigint": _numbers}
