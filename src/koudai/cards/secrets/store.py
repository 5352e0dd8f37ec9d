"""Secrets of a batch: what is read of PINs and pay codes under the locks, and what is written of them with it.

A batch that tells no PIN, names no pay code and makes no card of another one reads nothing here, and writes nothing
unless it stops a card.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from koudai.cards.commands import Authorise, ChangePin, Command, Exchange, Redeem, Replace, SpendSplit, Split
from koudai.cards.desk import Desk
from koudai.cards.model import CardState
from koudai.cards.named import Named
from koudai.cards.secrets.pins import Device, HeldPin
from koudai.cards.store import Statement
from koudai.pg import Statements, byteas, columns, int4s, int8s, texts, times

SQL = Statements(Path(__file__).with_name("queries.sql"))

_TELLING: set[type[Command]] = {Redeem, Authorise, SpendSplit, ChangePin}
_PASSING_ON: set[type[Command]] = {Replace, Exchange, Split, SpendSplit}

_PIN = (int8s, int8s, byteas, int4s, times, times)
_DEVICE = (texts, int4s, times, times)


def devices_of_pins(named: Named) -> set[str] | None:
    """The devices on which PINs are told; None where nobody tells one."""
    if not named.kinds & _TELLING:
        return None
    telling = [c for c in named.commands if getattr(c, "pin", None) is not None and type(c) in _TELLING]
    return {c.device for c in telling if c.device is not None} if telling else None  # type: ignore[attr-defined]


def subject_of(device: str) -> str:
    """What the ledger locks of a device on which PINs are told."""
    return f"pin:{device}"


def secrets_statements(
    book: int, named: Named, card_ids: Sequence[int], devices: set[str] | None
) -> dict[str, Statement]:  # fmt: skip
    """What is asked behind the locks of the cards and of the devices."""
    statements: dict[str, Statement] = {}
    if named.codes:
        statements["codes"] = (SQL["read_pay_codes"], book, byteas(named.codes))
    if devices is not None or named.kinds & _PASSING_ON:
        statements["pins"] = (SQL["read_pins"], int8s(card_ids))
    if devices is not None:
        statements["pin_devices"] = (SQL["read_pin_devices"], book, texts(sorted(devices)))
    return statements


def lay_out_secrets(desk: Desk, rows: Mapping[str, Sequence[Sequence[Any]]]) -> None:
    """Put on the desk what was answered."""
    desk.codes.add(rows.get("codes", ()), desk.ids_of_numbers)
    for card_id, *told in rows.get("pins", ()):
        desk.pins.cards[card_id] = HeldPin(*told)
    for device, tries, since_at, locked_until in rows.get("pin_devices", ()):
        desk.pins.devices[device] = Device(tries, since_at, locked_until)


def write_secrets(desk: Desk) -> list[Statement]:
    """What changed: tries also of commands that were refused, codes that were used, and those of stopped cards."""
    sheet, pins, codes = desk.sheet, desk.pins, desk.codes
    statements: list[Statement] = []
    if desk.states:
        closed = [one for one, state in desk.states.items() if state is CardState.DEACTIVATED]
        pins.drop(one for one in closed if desk.cards[one].has_pin)
    if pins.changed:
        rows = [
            (one, (p := pins.cards[one]).made_for, p.kept, p.tries, p.locked_at, p.changed_at)
            for one in sorted(pins.changed)
        ]  # fmt: skip
        statements.append((SQL["keep_pins"], *columns(_PIN, rows)))
    if pins.dropped:
        statements.append((SQL["drop_pins"], int8s(sorted(pins.dropped))))
    if pins.guessed:
        told = [(one, (d := pins.devices[one]).tries, d.since_at, d.locked_until) for one in sorted(pins.guessed)]
        statements.append((SQL["keep_pin_devices"], sheet.book, *columns(_DEVICE, told)))
    if codes.used:
        statements.append((SQL["use_pay_codes"], sheet.batch_id, *columns((int4s, byteas), codes.used)))
    stopped = {one for one, state in desk.states.items() if state is not CardState.ACTIVE}
    killed = codes.killed | stopped | sheet.successors.keys()
    if killed:
        statements.append((SQL["kill_pay_codes"], int8s(sorted(killed)), sheet.now))
    return statements
