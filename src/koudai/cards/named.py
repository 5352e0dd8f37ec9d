"""What commands name otherwise than by a card's id: found before the locks are taken."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from koudai.base import MAX_MINOR
from koudai.cards.commands import (
    Capture,
    CardRef,
    Command,
    Exchange,
    Issue,
    Purpose,
    Refund,
    Replace,
    Reverse,
    SpendSplit,
    Split,
    Transfer,
    Void,
)
from koudai.cards.desk import holder_of, in_order, name_of, ref_from
from koudai.cards.gifts.model import ClaimGift, ReturnGift, WithdrawGift
from koudai.cards.gifts.store import cards_of_gifts
from koudai.cards.secrets.codes import PayCode
from koudai.cards.stock.model import STEPS, OfStock
from koudai.cards.stock.store import find_members
from koudai.cards.store import SQL, by_place
from koudai.cards.terms import BookTerms
from koudai.ledger import (
    Memory,
    Place,
    Subject,
    as_keys,
    recall_statement,
    successors,
    whose_holds_statement,
)
from koudai.pg import Tx, byteas, int8s

Row = Sequence[Any]


ISSUING_ON = (Split, SpendSplit, Replace, Exchange)
"""The commands that make cards which go on where the limits of another one stand."""


class Named:
    """Cards by number, redemptions and holds by place, key or group, and who took over from replaced cards.

    Of a hold, its account and its device, and so of a gift: the rest is read under lock. `touched` are cards
    that no command names. `hands` are those that were claimed as gifts, or roots: cards that have the same one never
    went from one person to another. `receivers` are whom limits count as who gets what goes to a card.
    """

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = commands
        self.kinds = set(map(type, commands))
        self.ids_of_numbers: dict[bytes, int] = {}
        self.keys: dict[str, Memory] = {}
        self.redemptions: Sequence[Row] = ()
        self.holds: dict[Place, tuple[int, str | None]] = {}
        self.successors: dict[int, list[int]] = {}
        self.groups: set[str] = set()
        self.roots: dict[int, int] = {}
        self.hands: dict[int, int] = {}
        self.receivers: dict[int, str] = {}
        self.gifts: dict[Place, int] = {}
        self.devices_of_gifts: dict[Place, str | None] = {}
        self.codes: list[PayCode] = []
        self.members: dict[int, list[int]] = {}
        self.touched: set[int] = set()

    def card_id(self, ref: CardRef | None) -> int | None:
        """A card's id, whichever way it was named."""
        return self.ids_of_numbers.get(ref) if isinstance(ref, bytes) else ref

    def card_ids(self) -> list[int]:
        """All cards that the commands may touch."""
        ids = {self.card_id(ref) for ref in _cards_named(self.commands, self.kinds)}
        ids |= {row[2] for row in self.redemptions}
        ids |= {account for account, _ in self.holds.values()}
        # How many pieces there are of a root is counted under its lock.
        ids |= set(self.roots.values()) | self.touched
        ids |= set(self.gifts.values())
        if self.kinds.intersection(STEPS):
            ids |= {one for c in self.commands if isinstance(c, OfStock) for one in c.chosen(self.members)}
        ids |= {successor for one in ids if one in self.successors for successor in self.successors[one]}
        return sorted(one for one in ids if one is not None)

    def parents(self) -> list[int]:
        """The cards of which the commands make others."""
        made = {self.card_id(getattr(c, "card", None)) for c in self.commands if isinstance(c, ISSUING_ON)}
        made |= {self.gifts.get(c.gift) for c in self.commands if isinstance(c, ClaimGift)}
        return sorted(one for one in made if one is not None)

    def refund_pairs(self) -> dict[tuple[int, int], int]:
        """The (card, merchant) pairs that refunds name, and how much the batch may ask back of each."""
        # What is asked back of redemptions by name never takes more of them than was paid.
        others = sum(row[4] for row in self.redemptions)
        pairs: dict[tuple[int, int], int] = defaultdict(lambda: others)
        for c in self.commands:
            if isinstance(c, Refund) and c.redemption is None and c.merchant_id is not None:
                card_id = self.card_id(c.card)
                if card_id is not None and 0 < c.amount_minor <= MAX_MINOR:
                    pairs[card_id, c.merchant_id] += c.amount_minor
        return {pair: min(need, MAX_MINOR) for pair, need in pairs.items()}

    def changes_no_counter(self) -> bool:
        """Whether nothing is asked but captures that give nothing of a hold free, so that no counter changes."""
        return self.kinds == {Capture} and all(
            isinstance(c, Capture) and (not c.final or c.amount_minor is None) for c in self.commands
        )

    def counted(self, terms: BookTerms) -> tuple[set[str], set[tuple[int, str, str]]]:
        """Whose counters the commands may take besides cards' and holders': refs, and pairs with a holder."""
        kinds = [kind for kind in terms.kinds if kind != (Subject.HOLDER,)]
        refs: set[str] = set()
        pairs: set[tuple[int, str, str]] = set()
        for card_id, device, recipient in self._people() if kinds else ():
            told = {Subject.CARD: str(card_id), Subject.DEVICE: device, Subject.RECIPIENT: recipient}
            for kind in kinds:
                others = [told[one] for one in kind if one is not Subject.HOLDER]
                if None in others:
                    continue
                if Subject.HOLDER in kind:
                    pairs.add((card_id, name_of(kind), str(others[0])))
                else:
                    refs.add(ref_from(kind, in_order(kind, told)))
        return refs, pairs

    def new_holders(self) -> set[str]:
        """The refs, as the ledger knows them, of those for whom cards are made."""
        if not self.kinds & {Issue, ClaimGift}:
            return set()
        made = (c.holder_ref for c in self.commands if isinstance(c, (Issue, ClaimGift)))
        return {holder_of(ref) for ref in made if ref is not None}

    def claimers(self) -> set[str]:
        """The refs of those who claim gifts."""
        return {c.holder_ref for c in self.commands if isinstance(c, ClaimGift) and c.holder_ref is not None}

    def _people(self) -> Iterable[tuple[int, str | None, str | None]]:
        for c in self.commands:
            card_id = self.card_id(getattr(c, "card", None))
            if card_id is not None:
                yield card_id, getattr(c, "device", None), self._receiver(c)
            elif isinstance(c, ClaimGift) and c.gift in self.gifts:
                card_id, device = self.gifts[c.gift], self.devices_of_gifts[c.gift]
                # Which of them it is shows once it is known who claims.
                yield card_id, device, c.holder_ref
                yield card_id, device, self.receivers.get(card_id)
        for row in self.redemptions:
            # What is undone is given back to the cards that went on from the one that paid, too.
            for card_id in (row[2], *self.successors.get(row[2], ())):
                yield card_id, row[7], None
        for account, device in self.holds.values():
            yield account, device, None

    def _receiver(self, command: Command) -> str | None:
        """Whom limits count as who gets it; where nothing is passed on, nobody."""
        to = self.card_id(_passed_to(command))
        return None if to is None else self.receivers.get(to)


async def _redemptions(tx: Tx, named: Named, undone: Sequence[Refund | Reverse]) -> Sequence[Row]:
    """The redemptions that are undone: what was captured as one under a key is undone as one."""
    places = {c.redemption for c in undone if c.redemption is not None}
    answered = {memory.place for memory in named.keys.values() if memory.refusal is None}
    if answered:
        others = await tx.rows(*by_place(SQL["captured_together"], answered))
        places |= answered | {Place(*row) for row in others}
    return await tx.rows(*by_place(SQL["redemptions"], places)) if places else ()


def _passed_to(command: Command) -> CardRef | None:
    """The card that is given or sold something."""
    return command.to_card if isinstance(command, Transfer) and command.purpose is not Purpose.MERGE else None


def _of_family(command: Command) -> tuple[CardRef, ...]:
    """The cards of a command that goes by where they come from."""
    return (command.card,) if isinstance(command, (Split, SpendSplit)) else _merged(command)


def _merged(command: Command) -> tuple[CardRef, ...]:
    if isinstance(command, Transfer) and command.purpose is Purpose.MERGE:
        return command.card, command.to_card
    return ()


_GIFTS = (ClaimGift, WithdrawGift, ReturnGift)
_NAMING: set[type[Command]] = {Refund, Reverse, Capture, Void, Split, SpendSplit, Transfer, *_GIFTS, *STEPS}


def _cards_named(commands: Sequence[Command], kinds: set[type[Command]]) -> Iterable[CardRef]:
    """All cards that commands name, by whatever."""
    for name in ("card", "to_card") if kinds & {Transfer, Refund} else ("card",):
        for c in commands:
            ref = getattr(c, name, None)
            if ref is not None:
                yield ref


async def find_named(tx: Tx, book: int, commands: Sequence[Command]) -> Named:  # noqa: C901 one branch a way of naming
    """Find what is named. Nothing is asked where all commands name ids."""
    named = Named(commands)
    hashes = {ref for ref in _cards_named(commands, named.kinds) if isinstance(ref, bytes)}
    if not hashes and not named.kinds & _NAMING:
        return named
    undone = [c for c in commands if isinstance(c, (Refund, Reverse))]
    keys = {c.redemption_key for c in undone if isinstance(c, Reverse) and c.redemption_key is not None}
    holds = {hold for c in commands if (hold := getattr(c, "hold", None)) is not None}
    named.groups = {c.group for c in commands if isinstance(c, (Capture, Void)) and c.group is not None}
    if hashes:
        named.codes = [ref for ref in hashes if isinstance(ref, PayCode)]
        named.ids_of_numbers = dict(await tx.rows(SQL["ids_of_numbers"], book, byteas(list(hashes))))
    if named.codes:
        named.ids_of_numbers |= dict(await tx.rows(SQL["cards_of_codes"], book, byteas(named.codes)))
    if keys:
        named.keys = as_keys(await tx.rows(*recall_statement(book, keys))).known
    if holds or named.groups:
        rows = await tx.rows(*whose_holds_statement(book, holds, named.groups))
        named.holds = {Place(row[0], row[1]): (row[2], row[3]) for row in rows}
    gifts = {c.gift for c in commands if isinstance(c, _GIFTS)}
    if gifts:
        offered = await cards_of_gifts(tx, book, gifts)
        named.gifts = {place: card_id for place, (card_id, _) in offered.items()}
        named.devices_of_gifts = {place: device for place, (_, device) in offered.items()}
    got = {one for c in commands if (one := named.card_id(_passed_to(c))) is not None} | set(named.gifts.values())
    if got:
        named.receivers = dict(await tx.rows(SQL["receivers"], book, int8s(sorted(got))))
    of_family = {ref for c in commands for ref in _of_family(c)}
    if of_family:
        ids = [one for ref in of_family if (one := named.card_id(ref)) is not None]
        named.roots = dict(await tx.rows(SQL["roots"], book, int8s(ids)))
    merged = {one for c in commands for ref in _merged(c) if (one := named.card_id(ref)) is not None}
    if merged:
        named.hands = dict(await tx.rows(SQL["hands"], book, int8s(sorted(merged))))
    if named.kinds.intersection(STEPS):
        named.members = await find_members(tx, book, commands)
    if undone:
        named.redemptions = await _redemptions(tx, named, undone)
        cards = {named.card_id(c.card) for c in undone if isinstance(c, Refund)} | {r[2] for r in named.redemptions}
        named.successors = await successors(tx, [one for one in cards if one is not None])
    return named
