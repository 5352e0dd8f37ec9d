"""What the words of a command line may be: amounts, currencies, cards, ids. Each wrong one names its option."""

import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from koudai.base import MAX_MINOR, Asset, Fault, asset
from koudai.cli.codes import CliFault

_AMOUNT = re.compile(r"[+-]?[0-9]+")
_OPAQUE = re.compile(r"([a-z]+)_[0-9a-f]{32}")
_SHOWN = 60


def named(param: click.Parameter) -> str:
    """A parameter as its user knows it: `--amount-minor`, `CARD`."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return (param.name or "").upper()


def wrong(code: CliFault, param: click.Parameter | None, value: object, **facts: Any) -> NoReturn:
    """Raise the fault of a wrong value."""
    found = str(value)
    found = found if len(found) <= _SHOWN else found[:_SHOWN] + "…"
    # Bytes that are no text stand in the arguments as lone surrogates, which nothing can print.
    found = found.encode("utf-8", "replace").decode()
    raise Fault(code, option=named(param) if param else "", found=found, **facts)


class Text(click.ParamType[str]):
    """Text of 1 to `longest` characters, not blank."""

    name = "text"

    def __init__(self, longest: int = 255) -> None:
        self._longest = longest

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        if not value.strip() or len(value) > self._longest or not _is_text(value):
            wrong(CliFault.NOT_TEXT, param, value, longest=self._longest)
        return value


def _is_text(value: str) -> bool:
    return all(character.isprintable() for character in value)


class Key(click.ParamType[str]):
    """An idempotency key: printable ASCII, at most `longest` characters."""

    name = "key"

    def __init__(self, longest: int = 255) -> None:
        self._longest = longest

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The key as it is."""
        if not 0 < len(value) <= self._longest or not all(" " <= character <= "~" for character in value):
            wrong(CliFault.NOT_A_KEY, param, value, longest=self._longest)
        return value


class Amount(click.ParamType[int]):
    """A positive whole number of minor units within a bigint."""

    name = "minor units"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The amount."""
        if isinstance(value, int):
            return value
        text = value.strip()
        if not _AMOUNT.fullmatch(text):
            wrong(CliFault.AMOUNT_NOT_WHOLE, param, value)
        digits = text.lstrip("+-").lstrip("0")
        if text.startswith("-") or not digits:
            wrong(CliFault.AMOUNT_NOT_POSITIVE, param, value)
        # By length first: Python refuses to read numbers of thousands of digits.
        if len(digits) > len(str(MAX_MINOR)) or int(digits) > MAX_MINOR:
            wrong(CliFault.AMOUNT_TOO_LARGE, param, value, limit_minor=MAX_MINOR)
        return int(digits)


class Currency(click.ParamType[Asset]):
    """A currency by its code of ISO 4217."""

    name = "currency"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Asset:
        """The asset."""
        if isinstance(value, Asset):
            return value
        known = asset(value)
        if known is None:
            wrong(CliFault.UNKNOWN_CURRENCY, param, value)
        return known


class Opaque(click.ParamType[str]):
    """An id as koudai gives it out, of one kind: `gftc`, `gact`, `mrch` or `prgm`."""

    name = "id"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id as it is."""
        match = _OPAQUE.fullmatch(value)
        if match is None or match[1] != self._kind:
            wrong(CliFault.NOT_AN_ID, param, value, kind=self._kind)
        return value


class CardName(click.ParamType[str]):
    """A card by its id, or by its number, or `-` for a number read from standard input."""

    name = "card"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id or the number."""
        from koudai.cards import is_number  # noqa: PLC0415  the room is loaded when a card is named

        if value == "-":
            value = sys.stdin.readline(200).strip()
        match = _OPAQUE.fullmatch(value)
        if match is not None and match[1] == "gftc":
            return value
        digits = value.replace(" ", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) == 19):
            # What was given may be a mistyped number, so it's not repeated.
            raise Fault(CliFault.NOT_A_CARD, option=named(param) if param else "")
        if not is_number(digits):
            raise Fault(CliFault.CHECK_DIGIT, option=named(param) if param else "")
        return digits


class Prefix(click.ParamType[str]):
    """The first six digits of a programme's card numbers."""

    name = "six digits"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The prefix as it is."""
        from koudai.cards import is_prefix  # noqa: PLC0415  the room is loaded when a programme is made

        if not is_prefix(value):
            wrong(CliFault.NOT_A_PREFIX, param, value)
        return value


class Whole(click.ParamType[int]):
    """A whole number within bounds."""

    name = "number"

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        text = str(value).strip()
        if not re.fullmatch(r"[0-9]{1,18}", text) or not self._least <= int(text) <= self._most:
            wrong(CliFault.NOT_IN_RANGE, param, value, least=self._least, most=self._most)
        return int(text)


class OneOf(click.Choice[str]):
    """One of a few words."""

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__([str(choice) for choice in choices])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word."""
        if value not in self.choices:
            wrong(CliFault.NOT_A_CHOICE, param, value, choices=", ".join(self.choices))
        return str(value)
