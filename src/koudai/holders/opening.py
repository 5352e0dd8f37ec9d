"""Open a desk: lock the holders that commands name, in the order of their ids, then read their state."""

from collections.abc import Sequence

from koudai.base import MAX_MINOR
from koudai.holders.commands import Command, Create, Update
from koudai.holders.desk import Case, Desk
from koudai.holders.model import UNIQUE, Field, Purpose
from koudai.holders.numbers import packed
from koudai.holders.store import SQL, as_holder, by_id, context, sealed_fields, search
from koudai.identity import Vault, current_vault_key
from koudai.ledger import open_batch
from koudai.pg import Tx, int8s

KIND = "hldr"
"""The kind of a holder's opaque id, which is its ref."""


async def open_desk(tx: Tx, book: int, commands: Sequence[Command], vault: Vault) -> tuple[Desk, str]:
    """The desk of a batch, and the vault key that it seals with. State is read after the locks are had."""
    refs = {ref for command in commands for ref in _named(command)}
    known = (vault.keyring.internal_id(KIND, ref) for ref in refs)
    named = sorted(pair[0] for pair in known if pair is not None and pair[0] <= MAX_MINOR)
    held = [as_holder(row) for row in await tx.rows(SQL["lock"], book, int8s(named))]
    key = await current_vault_key(tx, vault)
    sheet = await open_batch(tx, book, {command.key for command in commands})
    ids = [holder.id for holder in held]
    consents: dict[int, dict[Purpose, str]] = {}
    given_rows, acting_rows, unbound_rows, fresh = await tx.together(
        (SQL["consents"], int8s(ids)),
        (SQL["companies_of"], int8s(ids)),
        (SQL["bound_before"], int8s(ids)),
        (SQL["fresh_ids"], sum(isinstance(command, Create) for command in commands)),
    )
    for holder_id, given, purpose, text_version, _ in given_rows:
        if given:
            consents.setdefault(holder_id, {})[Purpose(purpose)] = text_version
        else:
            consents.setdefault(holder_id, {}).pop(Purpose(purpose), None)
    sealed = await sealed_fields(tx, ids)

    def opening(holder_id: int, field: Field, text: bytes) -> str:
        return vault.open(text, context(book, holder_id, field))

    bound_before = {row[0] for row in unbound_rows}
    cases = {
        holder.ref: Case(
            holder,
            {f: one[0] for f, one in sealed.get(holder.id, {}).items()},
            consents.get(holder.id, {}),
            opening,
            bound_before=holder.id in bound_before,
        )
        for holder in held
    }
    agents = await by_id(tx, book, [h.agent_id for h in held if h.agent_id is not None])
    numbers = [row[0] for row in reversed(fresh)]
    ids_and_refs = list(zip(numbers, vault.keyring.opaque_ids(KIND, [(n, 0) for n in numbers]), strict=True))
    desk = Desk(
        sheet, cases, await _taken(tx, book, commands, vault), frozenset(row[0] for row in acting_rows),
        {agent.id: agent.level for agent in agents}, ids_and_refs, opening,
    )  # fmt: skip
    return desk, key


def _named(command: Command) -> set[str]:
    refs = set() if isinstance(command, Create) else {command.holder}
    if isinstance(command, Create | Update):
        refs |= {ref for ref in (command.agent, command.beneficial_owner) if ref is not None}
    return refs


async def _taken(tx: Tx, book: int, commands: Sequence[Command], vault: Vault) -> dict[tuple[Field, str], int]:
    """Who has the numbers that the commands state and only one holder may have."""
    taken: dict[tuple[Field, str], int] = {}
    for field in sorted(UNIQUE):
        stated = {
            packed(text)
            for command in commands
            if isinstance(command, Create | Update) and (text := getattr(command.details, field)) is not None
        }
        for holder_id, value in await search(tx, book, field, stated, vault):
            taken[field, f"{field}\0{value}"] = holder_id
    return taken
