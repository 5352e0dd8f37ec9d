"""`--line`: the lines of a basket on the command line, and as they are shown."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from koudai.base import Fault
from koudai.cards import BasketLine
from koudai.cli.codes import CliFault
from koudai.cli.values import amount_of, is_ref, named, shortened
from koudai.cli.words import word
from koudai.programmes import Line

F = TypeVar("F", bound=Callable[..., Any])


class LineType(click.ParamType[Line]):
    """A line as `SKU:CLASS:AMOUNT`, the amount in minor units. The SKU may have colons of its own."""

    name = "line"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Line:
        """The line."""
        if isinstance(value, Line):
            return value
        option = named(param) if param else ""
        parts = value.rsplit(":", 2)
        if len(parts) != 3 or not is_ref(parts[0]) or not is_ref(parts[1]):
            raise Fault(CliFault.LINE_FORM, option=option, found=shortened(value))
        return Line(parts[0], parts[1], amount_of(parts[2], option))


def with_lines(command: F) -> F:
    """`--line`, as often as the basket has lines."""
    return click.option(
        "--line", "lines", type=LineType(), multiple=True, metavar="SKU:CLASS:N", help=word("opt.line")
    )(command)


def line_object(line: BasketLine) -> dict[str, Any]:
    """A line as JSON has it."""
    told = {"sku": line.sku, "goods_class": line.goods_class, "amount_minor": line.amount_minor,
            "paid_minor": line.paid_minor, "accepted": line.reason is None}  # fmt: skip
    return told if line.reason is None else {**told, "reason": line.reason}


def line_words(told: Mapping[str, Any]) -> str:
    """A line's object in words: what was paid of what, and why not more where it isn't payable."""
    reason = f" ({told['reason']})" if "reason" in told else ""
    return f"{told['sku']}:{told['goods_class']} {told['paid_minor']}/{told['amount_minor']}{reason}"
