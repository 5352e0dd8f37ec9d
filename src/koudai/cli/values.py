"""What the words of a command line may be: amounts, currencies, cards, ids. Each wrong one names its option."""

import re
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from koudai.base import MAX_MINOR, Asset, Fault, asset, parse_time
from koudai.cli.codes import CliFault

_AMOUNT = re.compile(r"[+-]?[0-9]+")
_OPAQUE = re.compile(r"([a-z]+)_[0-9a-f]{32}")
_PLACE = re.compile(r"([0-9]{1,19})/([0-9]{1,10})")
_DURATION = re.compile(r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHOWN = 60


def named(param: click.Parameter) -> str:
    """A parameter as its user knows it: `--amount-minor`, `CARD`."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return (param.name or "").upper()


def wrong(code: CliFault, param: click.Parameter | None, value: object, **facts: Any) -> NoReturn:
    """Raise the fault of a wrong value."""
    raise Fault(code, option=named(param) if param else "", found=shortened(value), **facts)


def shortened(value: object) -> str:
    """What was given, as it can be repeated: not too long."""
    found = str(value)
    found = found if len(found) <= _SHOWN else found[:_SHOWN] + "…"
    # Bytes that are no text stand in the arguments as lone surrogates, which nothing can print.
    return found.encode("utf-8", "replace").decode()


def amount_of(value: str, option: str, *, least: int = 1) -> int:
    """A whole number of minor units within a bigint; `least` is 1, or 0 where nothing is an amount too."""
    text, found = value.strip(), shortened(value)
    if not _AMOUNT.fullmatch(text):
        raise Fault(CliFault.AMOUNT_NOT_WHOLE, option=option, found=found)
    digits = text.lstrip("+-").lstrip("0")
    if (text.startswith("-") and digits) or (not digits and least):
        raise Fault(CliFault.AMOUNT_NOT_POSITIVE, option=option, found=found)
    # By length first: Python refuses to read numbers of thousands of digits.
    if len(digits) > len(str(MAX_MINOR)) or int(digits or "0") > MAX_MINOR:
        raise Fault(CliFault.AMOUNT_TOO_LARGE, option=option, found=found, limit_minor=MAX_MINOR)
    return int(digits or "0")


def whole_of(value: str, option: str, least: int, most: int) -> int:
    """A whole number within bounds."""
    text = value.strip()
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise Fault(CliFault.NOT_IN_RANGE, option=option, found=shortened(value), least=least, most=most)
    return int(text)


def seconds_of_duration(value: str, option: str, most_days: int) -> int:
    """The seconds of a duration such as `36h` or `1d12h`."""
    text = value.strip()
    match = _DURATION.fullmatch(text)
    days, hours, minutes, seconds = (int(part or "0") for part in match.groups()) if match else (0, 0, 0, 0)
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not 1 <= total <= most_days * 86_400:
        raise Fault(CliFault.NOT_A_DURATION, option=option, found=shortened(value), most=most_days)
    return total


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


def is_ref(value: str) -> bool:
    """Whether a word can stand in a list of a programme's document: 1 to 100 characters, no space and no comma."""
    return 0 < len(value) <= 100 and _is_text(value) and not re.search(r"[\s,]", value)


class Ref(click.ParamType[str]):
    """The name by which programmes' documents list a merchant."""

    name = "ref"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is."""
        if not is_ref(value):
            wrong(CliFault.NOT_A_REF, param, value)
        return value


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
    """A whole number of minor units within a bigint: positive, unless `least` is 0."""

    name = "minor units"

    def __init__(self, *, least: int = 1) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The amount."""
        return value if isinstance(value, int) else amount_of(value, named(param) if param else "", least=self._least)


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
    """An id as koudai gives it out, of one kind: `gftc`, `gact`, `mrch`, `prgm` or `cur`."""

    name = "id"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id as it is."""
        match = _OPAQUE.fullmatch(value)
        if match is None or match[1] != self._kind:
            wrong(CliFault.NOT_AN_ID, param, value, kind=self._kind)
        return value


class EntryName(click.ParamType[str]):
    """An entry by its activity's id, or as BATCH/ORDINAL."""

    name = "entry"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id, or the two numbers with the stroke between them."""
        match = _OPAQUE.fullmatch(value)
        numbers = _PLACE.fullmatch(value)
        if not (match is not None and match[1] == "gact") and not (
            numbers and int(numbers[1]) <= MAX_MINOR and int(numbers[2]) < 2**31
        ):
            wrong(CliFault.NOT_AN_ENTRY, param, value)
        return value


class AccountName(click.ParamType[str]):
    """An account by its number, or by the id of the card or merchant whose it is."""

    name = "account"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The number or the id."""
        match = _OPAQUE.fullmatch(value)
        number = re.fullmatch(r"[0-9]{1,19}", value)
        if not (match is not None and match[1] in ("gftc", "mrch")) and not (number and int(value) <= MAX_MINOR):
            wrong(CliFault.NOT_AN_ACCOUNT, param, value)
        return value


class Moment(click.ParamType[datetime]):
    """A moment in RFC 3339, with its offset from UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment, in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_time(value)
        except ValueError:
            wrong(CliFault.NOT_A_TIME, param, value)


class Day(click.ParamType[date]):
    """A calendar day, as in `2026-11-01`."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day."""
        if isinstance(value, date):
            return value
        if not _DAY.fullmatch(value):
            wrong(CliFault.NOT_A_DAY, param, value)
        try:
            return date.fromisoformat(value)
        except ValueError:
            wrong(CliFault.NOT_A_DAY, param, value)


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


class Payer(CardName):
    """What pays: a card as `CardName` has it, or a pay code in its place."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id, the number or the code."""
        from koudai.cards import is_pay_code  # noqa: PLC0415  the room is loaded when a card is named

        if value == "-":
            value = sys.stdin.readline(200).strip()
        digits = value.replace(" ", "")
        return digits if is_pay_code(digits) else super().convert(value, param, ctx)


class Picture(click.ParamType[Path]):
    """A file for a picture, whose form goes by its ending."""

    name = "picture"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The file."""
        path = Path(value)
        if path.suffix.lower() not in (".svg", ".png"):
            wrong(CliFault.NOT_A_PICTURE, param, value)
        return path


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
        return whole_of(str(value), named(param) if param else "", self._least, self._most)


class Duration(click.ParamType[int]):
    """A duration in days, hours, minutes and seconds, as in `36h` or `1d12h`; in seconds."""

    name = "duration"

    def __init__(self, most_days: int) -> None:
        self._most_days = most_days

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The seconds."""
        return (
            value
            if isinstance(value, int)
            else seconds_of_duration(value, named(param) if param else "", self._most_days)
        )


class OneOf(click.Choice[str]):
    """One of a few words."""

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__([str(choice) for choice in choices])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word."""
        if value not in self.choices:
            wrong(CliFault.NOT_A_CHOICE, param, value, choices=", ".join(self.choices))
        return str(value)
