"""Run: the one way for everything that happens to holders.

Commands of any kind come as a list; the holders they name are locked, the commands are folded in order,
and one batch is written. What is remembered under a key holds keyed hashes of what is personal.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from koudai.base import Refused, parse_time, render_time
from koudai.holders import rules
from koudai.holders.commands import Ask, Bind, Command, Create, Erase, Give, Unbind, Update, Withdraw
from koudai.holders.desk import Case, Desk
from koudai.holders.model import Details, Erased, Field, Holder, Kind, State
from koudai.holders.opening import open_desk
from koudai.holders.store import SQL, find, write_statements
from koudai.identity import Vault
from koudai.ledger import Memory, Place, request_text, write
from koudai.pg import Tx


class Question(msgspec.Struct, frozen=True):
    """What a source is asked: `id` stays the same however often it is. Its repr tells nothing personal."""

    id: int
    holder: str
    kind: Kind
    details: Details


Outcome = Holder | Erased | Question | Refused


async def run(tx: Tx, book: int, commands: Sequence[Command], vault: Vault) -> list[Outcome]:
    """Run commands on the holders of a book; one outcome for each, in order.

    A refused command doesn't stop the others. A key that was used before answers its first outcome again
    (a holder as it is now); where the command is another one, it is refused, naming the field. Raises
    `pg.Conflict` when another transaction used a key or stated a number meanwhile.
    """
    desk, key = await open_desk(tx, book, commands, vault)
    outcomes: list[Outcome | str] = []
    for command in commands:
        request = _request(book, command, vault)
        known = desk.sheet.keys.recall(command.key, request)
        refused = known.as_refusal() if isinstance(known, Memory) else known
        if refused is not None:
            outcomes.append(refused)
        elif isinstance(known, Memory):
            outcomes.append(_again(desk, command, known))
        else:
            outcomes.append(await _carry_out(tx, desk, command, request))
    write(tx, desk.sheet, *write_statements(desk, vault, key))
    left = {outcome for outcome in outcomes if isinstance(outcome, str)}
    now = await find(tx, book, left) if left else {}
    return [now[outcome] if isinstance(outcome, str) else outcome for outcome in outcomes]


async def _carry_out(tx: Tx, desk: Desk, command: Command, request: str) -> Outcome:
    keys, place = desk.sheet.keys, Place(desk.sheet.batch_id, desk.sheet.next_ordinal())
    made = rules.apply(desk, command)
    if isinstance(made, Refused):
        keys.remember_refusal(command.key, request, place, made)
        return made
    facts: dict[str, Any]
    if isinstance(made, Holder):
        facts = {"holder_id": made.ref}
    elif isinstance(made, Erased):
        kept = {field: until and render_time(until) for field, until in made.kept.items()}
        facts = {"holder_id": made.holder, "fields": made.fields, "kept": kept, "state": made.state}
        # Beside fields only where there is something, so that older keys stay what they were.
        facts |= {"beside": made.beside} if made.beside else {}
    else:
        assert isinstance(command, Ask)
        holder = made.holder
        request_id = await tx.value(
            SQL["add_request"], holder.id, holder.identity_version, command.source, desk.now
        )  # fmt: skip
        facts = {"holder_id": holder.ref, "request_id": request_id}
    keys.remember(command.key, Memory(request, place, facts=request_text(facts)))
    return _question(facts["request_id"], made) if isinstance(made, Case) else made


def _question(request_id: int, case: Case) -> Question:
    held = {str(field): value for field, value in case.values().items()}
    return Question(request_id, case.holder.ref, case.holder.kind, Details(**held))


def _again(desk: Desk, command: Command, known: Memory) -> Outcome | str:
    """What was answered under the key: a holder by its ref, to be read as it is now."""
    ref: str = known.fact("holder_id")
    if isinstance(command, Ask):
        return _question(known.fact("request_id"), desk.cases[ref])
    if isinstance(command, Erase):
        kept = {Field(name): _moment(until) for name, until in known.fact("kept").items()}
        fields, beside = tuple(map(Field, known.fact("fields"))), tuple(known.facts_told().get("beside", ()))
        return Erased(ref, fields, kept, State(known.fact("state")), beside, known.place.batch_id)
    return ref


def _moment(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def _request(book: int, command: Command, vault: Vault) -> str:
    """The canonical fields of a command. What is personal stands there as a hash that is this key's alone."""

    def hashed(value: Any) -> str:
        text = msgspec.json.encode(value).decode()
        return vault.keyring.lookup_hash(f"holders.request\0{book}\0{command.key}\0{text}").hex()

    told: dict[str, Any]
    if isinstance(command, Create):
        parties = {"agent": command.agent, "beneficial_owner": command.beneficial_owner}
        told = {"verb": "create_holder", "kind": command.kind, **parties, "details": hashed(command.details)}
    elif isinstance(command, Update):
        parties = {"agent": command.agent, "beneficial_owner": command.beneficial_owner}
        told = {"verb": "update_holder", "holder": command.holder, **parties, "details": hashed(command.details),
                "version": command.version}  # fmt: skip
    elif isinstance(command, Bind | Unbind):
        verb = "bind_device" if isinstance(command, Bind) else "unbind_device"
        told = {"verb": verb, "holder": command.holder, "device": hashed(command.device)}
    elif isinstance(command, Give):
        told = {"verb": "give_consent", "holder": command.holder, "purpose": command.purpose,
                "text_version": command.text_version}  # fmt: skip
    elif isinstance(command, Withdraw):
        told = {"verb": "withdraw_consent", "holder": command.holder, "purpose": command.purpose}
    elif isinstance(command, Erase):
        ended_at = command.ended_at and render_time(command.ended_at)
        duties = [f"{duty.rule}:{duty.years}" for duty in command.duties]
        told = {"verb": "erase_holder", "holder": command.holder, "duties": duties, "ended_at": ended_at}
    else:
        told = {"verb": "verify_holder", "holder": command.holder, "source": command.source}
    return request_text(told)
