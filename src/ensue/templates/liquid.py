"""Liquid, bounded: parsed once, with what is wrong named by its line, and written any number of times.

A bound is a count of steps and sizes and never a time, so that the same template and values always come to the same.
"""

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC
from functools import wraps
from typing import Any, Literal

from liquid import BoundTemplate, Environment
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, LoopExpression
from liquid.builtin.expressions import primitive as expressions
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import (
    FilterArgumentError,
    LiquidError,
    LocalNamespaceLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
)
from liquid.expression import Expression

from ensue.base import bounds
from ensue.templates.context import Context, Setting
from ensue.templates.fault import Fault, TooMuch, line_of
from ensue.templates.filters import FILTERS
from ensue.templates.lexing import refuse_unbalanced
from ensue.templates.tags import TAGS, children, let_missing_be_blank, weight
from ensue.templates.values import measure

Language = Literal["HTML", "TEXT", "JSON"]


class _Bounded(Environment):
    """The library's settings."""

    block_nesting_limit = bounds.TEMPLATE_NESTING
    context_depth_limit = bounds.TEMPLATE_NESTING + 10
    output_stream_limit = bounds.TEMPLATE_OUTPUT
    local_namespace_limit = 16 * bounds.TEMPLATE_VALUE
    # Off, what a block writes counts even if nobody sees it.
    suppress_blank_control_flow_blocks = False

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in TAGS:
            self.add_tag(tag)
        for name, apply in FILTERS.items():
            self.add_filter(name, _bounded(apply))


class Text:
    """A parsed text."""

    def __init__(self, template: BoundTemplate, language: Language, steps: int) -> None:
        self._template = template
        self._language = language
        self._steps = steps

    def write(self, setting: Setting) -> str:
        """The text with its gaps filled.

        Raises:
            Fault: these values make it fail.
            TooMuch: they make it outgrow a bound.
        """
        try:
            context = Context(self._template, setting, writes_json=self._language == "JSON")
            context.spend(self._steps)
            buffer = context.get_buffer()
            self._template.render_with_context(context, buffer)
            return buffer.getvalue()
        except LiquidError as error:
            raise _fault(error) from None
        except RecursionError:
            raise TooMuch("is nested too deeply") from None
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # A value that the library did not expect must fail this one text, and nothing else.
            raise Fault(f"cannot be written with these values: {error}") from None


def parse(source: str, language: Language) -> Text:
    """A text, ready to be written.

    Raises:
        Fault: it is no sound template: a tag or filter that there is not, something unclosed, or too much.
    """
    refuse_unbalanced(source)
    try:
        template = _ENVIRONMENTS[language].from_string(source)
        trial = Context(template, Setting({}, preview=False, zone=UTC, now=0), writes_json=language == "JSON")
        for node in template.nodes:
            _inspect(node, trial)
        steps = sum(weight(node) for node in template.nodes)
    except LiquidError as error:
        raise _fault(error) from None
    except RecursionError:
        raise TooMuch("is nested too deeply") from None
    if steps > bounds.TEMPLATE_STEPS:
        raise TooMuch(f"takes more than {bounds.TEMPLATE_STEPS} steps to write")
    return Text(template, language, steps)


def _inspect(node: Node, trial: Context) -> None:
    """Refuse what would only fail, or never end, once it is written."""
    for expression in node.expressions():
        for one in _filters(expression):
            _check_arguments(one)
            _try_literals(one, trial)
        _refuse_ranges(expression)
        let_missing_be_blank(expression)
    for child in children(node):
        _inspect(child, trial)


def _filters(expression: Expression) -> Iterator[Filter]:
    if isinstance(expression, FilteredExpression):
        yield from expression.filters or ()


def _check_arguments(one: Filter) -> None:
    if one.name not in FILTERS:
        raise FilterArgumentError(f"there is no filter `{one.name}`", token=one.token)
    positional = [argument for argument in one.args if not hasattr(argument, "name")]
    named = {argument.name: None for argument in one.args if hasattr(argument, "name")}
    try:
        _SIGNATURES[one.name].bind(None, *positional, **named)
    except TypeError:
        wanted = [name for name in list(_SIGNATURES[one.name].parameters)[1:] if name != "context"]
        takes = f"takes {', '.join(f'`{name}`' for name in wanted)}" if wanted else "takes nothing after it"
        raise FilterArgumentError(f"the filter `{one.name}` {takes}", token=one.token) from None


def _try_literals(one: Filter, trial: Context) -> None:
    """A filter that fails for the very arguments that stand there fails for everybody."""
    if all(isinstance(argument.value, expressions.Literal) for argument in one.args):
        trial.restart()
        one.evaluate(None, trial)


def _refuse_ranges(expression: Expression) -> None:
    """A range may be looped over, where it is counted; everywhere else it would be walked through uncounted."""
    if isinstance(expression, RangeLiteral):
        raise FilterArgumentError("a range can only be looped over, by `for`", token=expression.token)
    inside = expression.children()
    if isinstance(expression, LoopExpression) and isinstance(expression.iterable, RangeLiteral):
        inside = [child for child in inside if child is not expression.iterable] + expression.iterable.children()
    for child in inside:
        _refuse_ranges(child)


def _bounded(apply: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that counts what it reads and makes."""
    wants_context = "context" in inspect.signature(apply).parameters

    @wraps(apply)
    def within(value: object, *arguments: object, context: Context, **named: object) -> object:
        context.spend(1 + (measure(value) + sum(map(measure, arguments))) // bounds.TEMPLATE_STEP_SIZE)
        result = apply(value, *arguments, **named, **({"context": context} if wants_context else {}))
        size = measure(result)
        if size > bounds.TEMPLATE_VALUE or (isinstance(result, list) and len(result) > bounds.TEMPLATE_ITEMS):
            raise ResourceLimitError("a value on the way grows too large", token=None)
        context.spend(size // bounds.TEMPLATE_STEP_SIZE)
        return result

    within.with_context = True  # type: ignore[attr-defined]  # how the library is told to hand the context in
    return within


def _fault(error: LiquidError) -> Fault:
    token = error.token
    line = line_of(token.source, token.start_index) if token is not None and token.start_index >= 0 else None
    match error:
        case OutputStreamLimitError():
            return TooMuch(f"writes more than {bounds.TEMPLATE_OUTPUT} bytes", line)
        case LocalNamespaceLimitError():
            return TooMuch("assigns too much", line)
        case ResourceLimitError():
            return TooMuch(str(error.message), line)
        case _:
            return Fault(str(error.message), line)


_SIGNATURES = {name: inspect.signature(apply) for name, apply in FILTERS.items()}
for _name, _signature in _SIGNATURES.items():
    _kept = [one for one in _signature.parameters.values() if one.name != "context"]
    _SIGNATURES[_name] = _signature.replace(parameters=_kept)

_ENVIRONMENTS: dict[Language, Environment] = {
    "HTML": _Bounded(autoescape=True),
    "TEXT": _Bounded(),
    "JSON": _Bounded(),
}
