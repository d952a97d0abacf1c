"""What is wrong with a template."""


class Fault(Exception):
    """A sentence about one text of a template, and the line (from 1) it is about, when it is about one."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line}: {self.message}"


class TooMuch(Fault):
    """It would outgrow a bound."""


def line_of(source: str, index: int) -> int:
    """The line, from 1, in which a character of a text stands."""
    return source.count("\n", 0, index) + 1
