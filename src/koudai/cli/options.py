"""The options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from koudai.cli.values import Amount, CardName, Currency, Key, OneOf, Payer, Text
from koudai.cli.words import word

F = TypeVar("F", bound=Callable[..., Any])

MODES = ("test", "live")


def as_json(command: F) -> F:
    """`--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=word("opt.json"))(command)


DEFAULT_ISSUER = "default"
"""Who is meant where no issuer is named; where there is none of that name, the only one there is."""


def at_issuer(command: F) -> F:
    """`--issuer` and `--mode`."""
    command = click.option("--mode", type=OneOf(MODES), default="test", metavar="test|live", help=word("opt.mode"))(
        command
    )
    return click.option("--issuer", type=Text(), default=DEFAULT_ISSUER, metavar="NAME", help=word("opt.issuer"))(
        command
    )


def with_key(command: F) -> F:
    """`--key`, the idempotency key."""
    return click.option("--key", type=Key(), metavar="KEY", help=word("opt.key"))(command)


def with_currency(command: F) -> F:
    """`--currency`, as an asset."""
    return click.option("--currency", type=Currency(), required=True, metavar="CODE", help=word("opt.currency"))(
        command
    )


def with_amount(command: F) -> F:
    """`--amount-minor` and `--currency`."""
    return click.option("--amount-minor", type=Amount(), required=True, metavar="N", help=word("opt.amount_minor"))(
        with_currency(command)
    )


def with_device(command: F) -> F:
    """`--device`, which limits may count."""
    return click.option("--device", type=Text(200), metavar="REF", help=word("opt.device"))(command)


def of_card(command: F) -> F:
    """The argument CARD."""
    return click.argument("card", type=CardName())(command)


def of_payer(command: F) -> F:
    """The argument CARD where a pay code may stand in its place, and `--pin`."""
    command = click.option("--pin", "asks_pin", is_flag=True, help=word("opt.pin"))(command)
    return click.argument("card", type=Payer())(command)
