"""The tags that templates have, where they must be other than the library's: these write and loop within bounds."""

from typing import Any, TextIO

from liquid.ast import BlockNode, IllegalNode, Node
from liquid.builtin.content import Literal
from liquid.builtin.expressions import FilteredExpression, LoopExpression
from liquid.builtin.expressions.logical import ContainsExpression, EqExpression, NeExpression
from liquid.builtin.expressions.primitive import Blank, Empty
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.assign_tag import AssignTag
from liquid.builtin.tags.capture_tag import CaptureNode, CaptureTag
from liquid.builtin.tags.case_tag import CaseTag, MultiExpressionBlockNode
from liquid.builtin.tags.comment_tag import CommentTag
from liquid.builtin.tags.cycle_tag import CycleNode, CycleTag
from liquid.builtin.tags.decrement_tag import DecrementTag
from liquid.builtin.tags.for_tag import BreakTag, ContinueTag, ForNode, ForTag
from liquid.builtin.tags.if_tag import IfTag
from liquid.builtin.tags.increment_tag import IncrementTag
from liquid.builtin.tags.inline_comment_tag import InlineCommentTag
from liquid.builtin.tags.unless_tag import UnlessTag
from liquid.exceptions import LiquidSyntaxError, ResourceLimitError
from liquid.expression import Expression
from liquid.mode import Mode
from liquid.stream import TokenStream
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION, TOKEN_ILLEGAL, TOKEN_TAG, Token

from ensue.base import bounds
from ensue.templates.context import Context
from ensue.templates.values import Missing, text

# A search through a long text is the dearest thing that a condition can ask for.
_SEARCH_STEPS = 20
# What these make of a missing value is what was wanted: nothing is missing then.
_EXPECT_MISSING = frozenset({"default", "json", "size"})


class BoundedOutput(OutputNode):
    """`{{ … }}`: the one place where values are written."""

    __slots__ = ()

    def render_to_output(self, context: Any, buffer: TextIO) -> int:
        """Write the value, or a mark where a preview misses it."""
        assert isinstance(context, Context)
        return buffer.write(context.escaped(self._value(context)))

    def _value(self, context: Context) -> object:
        expression = self.expression
        assert isinstance(expression, FilteredExpression)
        filters = expression.filters or ()
        value = expression.left.evaluate(context)
        if isinstance(value, Missing) and not any(one.name in _EXPECT_MISSING for one in filters):
            mark = text(value)
            if context.setting.preview:
                return mark
        for one in filters:
            value = one.evaluate(value, context)
        return value


class BoundedOutputTag(Output):
    """`{{ … }}`."""

    node_class = BoundedOutput


class BoundedCycle(CycleNode):
    """`{% cycle … %}`."""

    __slots__ = ()

    def render_to_output(self, context: Any, buffer: TextIO) -> int:
        """Write the value whose turn it is."""
        assert isinstance(context, Context)
        group = text(self.group.evaluate(context)) if self.group else ""
        # Of one group, or, without a group, of the same values.
        key = group or tuple(map(str, self.args))
        index = context.cycle(key, len(self.args))
        return buffer.write(context.escaped(self.args[index].evaluate(context))) if index < len(self.args) else 0


class BoundedCycleTag(CycleTag):
    """`{% cycle … %}`."""

    node_class = BoundedCycle


class BoundedCapture(CaptureNode):
    """`{% capture name %}`. In a JSON body what is captured is escaped where it is written, not before."""

    __slots__ = ()

    def render_to_output(self, context: Any, buffer: TextIO) -> int:
        """Keep what the block writes under the name."""
        assert isinstance(context, Context)
        raw, context.raw = context.raw, True
        try:
            super().render_to_output(context, buffer)
        finally:
            context.raw = raw
        context.spend(_bounded_value(context.locals[self.name]))
        return 0


class BoundedCaptureTag(CaptureTag):
    """`{% capture name %}`."""

    node_class = BoundedCapture


class BoundedFor(ForNode):
    """`{% for … %}`. Its turns are paid for before the first one."""

    __slots__ = ("steps",)

    def __init__(
        self, token: Token, expression: LoopExpression, block: BlockNode, default: BlockNode | None = None
    ) -> None:
        super().__init__(token, expression, block, default)
        self.steps = 1 + weight(block)

    def render_to_output(self, context: Any, buffer: TextIO) -> int:
        """Write the block for each item."""
        assert isinstance(context, Context)
        iterable = self.expression.iterable.evaluate(context)
        turns = _turns(iterable)
        if turns > bounds.TEMPLATE_ITEMS:
            raise ResourceLimitError(f"loops over more than {bounds.TEMPLATE_ITEMS} items", token=self.token)
        # A limit makes it fewer, never more.
        if self.expression.limit is not None:
            turns = min(turns, max(_count(self.expression.limit.evaluate(context)), 0))
        context.spend(turns * self.steps)
        return super().render_to_output(context, buffer)


class BoundedForTag(ForTag):
    """`{% for … %}`."""

    node_class = BoundedFor


class StrictIfTag(IfTag):
    """`{% if … %}`, in which a second `else` is a mistake and not nothing."""

    mode = Mode.STRICT


class UnknownTag(Tag):
    """Stands for every tag that there is not."""

    name = TOKEN_ILLEGAL
    block = False

    def parse(self, stream: TokenStream) -> IllegalNode:
        """Refuse it by name."""
        token = stream.expect(TOKEN_TAG)
        if stream.peek.kind == TOKEN_EXPRESSION:
            next(stream)
        if token.value.startswith("end") or token.value in {"else", "elsif", "when"}:
            raise LiquidSyntaxError(f"`{token.value}` stands here without its beginning", token=token)
        raise LiquidSyntaxError(f"there is no tag `{token.value}`", token=token)


TAGS: tuple[type[Tag], ...] = (
    Literal,
    BoundedOutputTag,
    UnknownTag,
    AssignTag,
    BoundedCaptureTag,
    CaseTag,
    CommentTag,
    BoundedCycleTag,
    DecrementTag,
    BoundedForTag,
    BreakTag,
    ContinueTag,
    StrictIfTag,
    IncrementTag,
    InlineCommentTag,
    UnlessTag,
)
"""All tags. None loads another template, so nothing can recur; a loop's turns are the only repetition."""


class OrEmptyText(Expression):
    """A value that is compared with `blank` or `empty`: what is missing is both, as everybody expects."""

    __slots__ = ("value",)

    def __init__(self, value: Expression) -> None:
        super().__init__(value.token)
        self.value = value

    def __str__(self) -> str:
        return str(self.value)

    def evaluate(self, context: Any) -> object:
        """The value, or an empty text."""
        value = self.value.evaluate(context)
        return "" if value is None or isinstance(value, Missing) else value

    def children(self) -> list[Expression]:
        """The value."""
        return [self.value]


def let_missing_be_blank(expression: Expression) -> None:
    """Let comparisons with `blank` and `empty` hold for missing values. To the library only nil is like nothing."""
    if isinstance(expression, EqExpression | NeExpression):
        if isinstance(expression.right, Blank | Empty):
            expression.left = OrEmptyText(expression.left)
        elif isinstance(expression.left, Blank | Empty):
            expression.right = OrEmptyText(expression.right)
    for child in expression.children():
        let_missing_be_blank(child)


def weight(node: Node) -> int:
    """The most steps that writing a node takes, each of its loops counted as one turn of nothing."""
    steps = 1 + sum(_weight(expression) for expression in node.expressions())
    if isinstance(node, BoundedFor):
        return steps + (weight(node.default) if node.default is not None else 0)
    inside = sum(weight(child) for child in children(node))
    # The block of a `when` is written once for each of its values that is met.
    return steps + inside * (len(node.expression.children()) if isinstance(node, MultiExpressionBlockNode) else 1)


def children(node: Node) -> list[Node]:
    """The nodes inside a node."""
    # Only tags that load other templates look at the context, and there are none.
    return list(node.children(None))  # type: ignore[arg-type]


def _weight(expression: Expression) -> int:
    steps = _SEARCH_STEPS if isinstance(expression, ContainsExpression) else 1
    if isinstance(expression, FilteredExpression):
        steps += len(expression.filters or ())
    return steps + sum(_weight(child) for child in expression.children())


def _bounded_value(value: object) -> int:
    """The steps that a captured text costs."""
    length = len(text(value))
    if length > bounds.TEMPLATE_VALUE:
        raise ResourceLimitError(f"captures more than {bounds.TEMPLATE_VALUE} characters", token=None)
    return length // bounds.TEMPLATE_STEP_SIZE


def _turns(iterable: object) -> int:
    if isinstance(iterable, range):
        # Its length may be more than `len` can say.
        return max(iterable.stop - iterable.start, 0)
    return len(iterable) if isinstance(iterable, list | tuple | dict | str) else 0


def _count(value: object) -> int:
    try:
        return int(str(text(value)))
    except ValueError:
        return 0
