"""`koudai card pin` and `koudai card pay-code`: what a holder pays with besides the card's number.

A PIN is never an argument: arguments are seen by whoever lists processes, and kept in the shell's history.
"""

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Any

import click

from koudai import cards
from koudai.base import Fault, Refused, render_time
from koudai.cli.codes import CliFault
from koudai.cli.happen import card_ref, happen, verb_of_card
from koudai.cli.options import as_json, at_issuer, of_card, with_device, with_key
from koudai.cli.running import Call
from koudai.cli.session import Side, opened_side
from koudai.cli.speak import as_fault, print_json
from koudai.cli.tree import Command, Group
from koudai.cli.values import Picture
from koudai.cli.words import word

pin = Group("pin", help=word("help.card_pin"), no_args_is_help=True)


def read_pin(prompt: str) -> str:
    """A PIN from the terminal, which doesn't show it, or from a line of standard input; raises Fault when it's none."""
    told = getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline(200)
    if not cards.is_pin(told.strip()):
        raise Fault(CliFault.NOT_A_PIN)
    return told.strip()


def pin_for(side: Side, told: str | None) -> cards.Pin | None:
    """A PIN as commands carry it."""
    return None if told is None else cards.pin_of(side.instance.keyring, told)


@pin.command("set", help=word("help.card_pin_set"))
@of_card
@at_issuer
@with_key
@as_json
@click.pass_obj
def set_one(call: Call, card: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """Give a card a PIN."""
    told = read_pin(word("say.pin"))
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.SetPin(
            key=key, card=card_ref(side, card), pin=cards.pin_of(side.instance.keyring, told)
        ),
    )  # fmt: skip


@pin.command("change", help=word("help.card_pin_change"))
@of_card
@with_device
@at_issuer
@with_key
@as_json
@click.pass_obj
def change(
    call: Call, card: str, device: str | None, issuer: str, mode: str, key: str | None, as_json: bool
) -> None:  # fmt: skip
    """Change a card's PIN, by the old one."""
    old, new = read_pin(word("say.pin_old")), read_pin(word("say.pin"))
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.ChangePin(
            key=key, card=card_ref(side, card), old_pin=cards.pin_of(side.instance.keyring, old),
            pin=cards.pin_of(side.instance.keyring, new), device=device,
        ),
    )  # fmt: skip


pin.add_command(verb_of_card("reset", word("help.card_pin_reset"), cards.ResetPin))


@click.command("pay-code", cls=Command, help=word("help.card_pay_code"))
@of_card
@click.option("--qr", type=Picture(), metavar="FILE", help=word("opt.qr"))
@click.option("--code128", type=Picture(), metavar="FILE", help=word("opt.code128"))
@at_issuer
@as_json
@click.pass_obj
def pay_code(
    call: Call, card: str, qr: Path | None, code128: Path | None, issuer: str, mode: str, as_json: bool
) -> None:  # fmt: skip
    """Make a pay code, and its pictures."""
    from koudai.cards.secrets import pictures  # noqa: PLC0415  what draws them is loaded when a code is made

    async def work() -> tuple[cards.NewPayCode, dict[str, Any]]:
        async with opened_side(issuer, mode) as side:
            keyring, wish = side.instance.keyring, cards.MakePayCode(card_ref(side, card))
            (made,) = await side.instance.db.transact(lambda tx: cards.make_pay_codes(tx, side.book, [wish], keyring))
            if isinstance(made, Refused):
                raise as_fault(made)
            card_id = keyring.opaque_id("gftc", made.card_id)
            return made, {"code": made.code, "expires_at": render_time(made.expires_at), "gift_card_id": card_id}

    made, told = call.run(work())
    if qr is not None:
        write_picture(qr, "--qr", pictures.qr_png(made.code) if is_png(qr) else pictures.qr_svg(made.code).encode())
    if code128 is not None:
        bars = pictures.code128_png(made.code) if is_png(code128) else pictures.code128_svg(made.code).encode()
        write_picture(code128, "--code128", bars)
    if as_json:
        print_json(told)
        return
    if sys.stdout.isatty():
        print(pictures.qr_text(made.code))
    print(word("say.pay_code", code=made.code, expires_at=told["expires_at"]))


def is_png(path: Path) -> bool:
    """Whether a picture is to be a PNG, by the name of its file."""
    return path.suffix.lower() == ".png"


def write_picture(path: Path, option: str, picture: bytes) -> None:
    """Write a picture for its user alone, over an older one: it shows what pays."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(picture)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise Fault(CliFault.FILE_UNWRITABLE, option=option, path=str(path), reason=reason) from problem
