"""What happens to holders, command by command. Pure: (desk, command) -> outcome, the desk changed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from koudai.base import Refused, render_time
from koudai.holders import numbers, retain
from koudai.holders.commands import Ask, Bind, Command, Create, Erase, Give, Unbind, Update, Withdraw
from koudai.holders.desk import Case, Desk
from koudai.holders.model import (
    DEVICES,
    IDENTITY,
    MOST_DEVICES,
    OF_COMPANY,
    OF_PERSON,
    UNIQUE,
    Details,
    DocumentType,
    Erased,
    Field,
    Holder,
    HolderRefusal,
    Kind,
    Level,
    Purpose,
    State,
)
from koudai.holders.retain import Duty

Made = Holder | Erased | Case

_NEEDED = {
    Kind.PERSON: (Field.NAME, Field.DOCUMENT_TYPE, Field.DOCUMENT_NUMBER, Field.PHONE),
    Kind.COMPANY: (Field.NAME, Field.CREDIT_CODE),
}


def apply(desk: Desk, command: Command) -> Made | Refused:
    """Carry out a command on the desk, or say why not and change nothing."""
    if isinstance(command, Create):
        return _create(desk, command)
    case = desk.cases.get(command.holder)
    if case is None:
        return Refused(HolderRefusal.UNKNOWN_HOLDER)
    if case.holder.state is State.ERASED:
        return Refused(HolderRefusal.ERASED)
    return _RULES[type(command)](desk, case, command)


def missing(desk: Desk, case: Case) -> list[str]:
    """What a holder lacks to be registered: fields, its agent, or the consent of a guardian."""
    kind = case.holder.kind
    lacking = [str(field) for field in _NEEDED[kind] if field not in case.names]
    if kind is Kind.COMPANY and not desk.is_known(case.holder.agent_id):
        lacking.append("agent")
    if kind is Kind.PERSON and Purpose.UNDER_14 not in case.consents:
        day = numbers.born(case.values())
        if day is not None and numbers.is_under_14(day, desk.today.date()):
            lacking.append(f"consent:{Purpose.UNDER_14}")
    return lacking


def checked(case: Case, details: Details, desk: Desk) -> dict[Field, str] | Refused:
    """The stated fields as they are kept, or which of them is not well-formed, by which standard."""
    kind = case.holder.kind
    kept: dict[Field, str] = {}
    for field, text in details.stated().items():
        if field not in (OF_PERSON if kind is Kind.PERSON else OF_COMPANY):
            return Refused(HolderRefusal.FIELD_OF_OTHER_KIND, {"field": str(field), "kind": str(kind)})
        try:
            kept[field] = _WRITTEN[field](text, desk)
        except ValueError as error:
            return Refused(HolderRefusal.MALFORMED, {"field": str(field), "standard": str(error)})
    if {Field.DOCUMENT_NUMBER, Field.DOCUMENT_TYPE} & kept.keys():
        document = kept.get(Field.DOCUMENT_TYPE, case.value(Field.DOCUMENT_TYPE))
        number = kept.get(Field.DOCUMENT_NUMBER, case.value(Field.DOCUMENT_NUMBER))
        if document is None or number is None:
            field = Field.DOCUMENT_TYPE if document is None else Field.DOCUMENT_NUMBER
            return Refused(HolderRefusal.MALFORMED, {"field": str(field), "standard": "koudai"})
        try:
            kept[Field.DOCUMENT_NUMBER] = numbers.document_number(DocumentType(document), number)
        except ValueError as error:
            return Refused(HolderRefusal.MALFORMED, {"field": str(Field.DOCUMENT_NUMBER), "standard": str(error)})
    return _agreeing(case, kept, desk)


def _agreeing(case: Case, kept: dict[Field, str], desk: Desk) -> dict[Field, str] | Refused:
    """Birth date and identity number must say the same day, and no day to come."""
    whole = {**case.values(), **kept}
    day = numbers.born(whole)
    by_number = numbers.born({field: value for field, value in whole.items() if field is not Field.BIRTH_DATE})
    if day is not None and (day > desk.today.date() or (by_number is not None and by_number != day)):
        return Refused(HolderRefusal.MALFORMED, {"field": str(Field.BIRTH_DATE), "standard": "GB 11643-1999"})
    return kept


def _create(desk: Desk, command: Create) -> Holder | Refused:
    parties = _parties(desk, command)
    if isinstance(parties, Refused):
        return parties
    case = desk.fresh_case(command.kind, parties.get("agent_id"), parties.get("beneficial_owner_id"))
    if parties and command.kind is Kind.PERSON:
        return Refused(HolderRefusal.FIELD_OF_OTHER_KIND, {"field": "agent", "kind": str(command.kind)})
    kept = checked(case, command.details, desk)
    if isinstance(kept, Refused):
        return kept
    refused = _lay(desk, case, kept)
    if refused is None:
        desk.cases[case.holder.ref] = case
        desk.acting |= set(parties.values())
        return case.change(level=_level(desk, case, identity=True))
    return refused


def _update(desk: Desk, case: Case, command: Update) -> Holder | Refused:
    if command.version is not None and command.version != case.holder.version:
        return Refused(HolderRefusal.VERSION_CHANGED, {"version": case.holder.version})
    parties = _parties(desk, command)
    if isinstance(parties, Refused):
        return parties
    if parties and case.holder.kind is Kind.PERSON:
        return Refused(HolderRefusal.FIELD_OF_OTHER_KIND, {"field": "agent", "kind": str(case.holder.kind)})
    kept = checked(case, command.details, desk)
    if isinstance(kept, Refused):
        return kept
    identity = any(field in IDENTITY and case.value(field) != value for field, value in kept.items())
    identity |= any(getattr(case.holder, party) != holder_id for party, holder_id in parties.items())
    refused = _lay(desk, case, kept)
    if refused is not None:
        return refused
    desk.acting |= set(parties.values())
    case.holder = msgspec.structs.replace(case.holder, **parties)
    return case.change(identity=identity, level=_level(desk, case, identity=identity))


def _level(desk: Desk, case: Case, *, identity: bool) -> Level:
    """The level after a change: none without what is needed; verified only who was, and is still the same."""
    if missing(desk, case):
        return Level.ANONYMOUS
    return Level.REGISTERED if identity else max(case.holder.level, Level.REGISTERED, key=list(Level).index)


def _parties(desk: Desk, command: Create | Update) -> dict[str, int] | Refused:
    found: dict[str, int] = {}
    for field, ref in (("agent", command.agent), ("beneficial_owner", command.beneficial_owner)):
        if ref is None:
            continue
        party = desk.cases.get(ref)
        if party is None or party.holder.state is State.ERASED:
            return Refused(HolderRefusal.UNKNOWN_PARTY, {"field": field})
        if party.holder.kind is not Kind.PERSON:
            return Refused(HolderRefusal.PARTY_NOT_PERSON, {"field": field})
        found[f"{field}_id"] = party.holder.id
    return found


def _lay(desk: Desk, case: Case, kept: Mapping[Field, str]) -> Refused | None:
    """Lay fields down, unless one of them belongs to another holder of the book."""
    whole = {**{f: case.value(f) for f in UNIQUE & case.names}, **kept}
    claims = {field: claim_of(field, value) for field, value in whole.items() if field in UNIQUE and value}
    for field, claim in claims.items():
        if desk.taken.get((field, claim), case.holder.id) != case.holder.id:
            return Refused(HolderRefusal.DUPLICATE, {"field": str(field)})
    for field in UNIQUE & kept.keys():
        before = case.value(field)
        if before is not None:
            desk.taken.pop((field, claim_of(field, before)), None)
        desk.taken[field, claims[field]] = case.holder.id
    for field, value in kept.items():
        case.state(field, value)
    return None


def claim_of(field: Field, value: str) -> str:
    """What is hashed of a field that is searched: with the field's name, so that two fields never meet."""
    return f"{field}\0{value}"


def _bind(desk: Desk, case: Case, command: Bind) -> Holder | Refused:
    devices = case.holder.devices
    if command.device in devices:
        return Refused(HolderRefusal.DEVICE_BOUND)
    if len(devices) >= MOST_DEVICES:
        return Refused(HolderRefusal.TOO_MANY_DEVICES, {"limit": MOST_DEVICES})
    desk.bound.append((case.holder.id, command.device, None))
    return case.change(devices=(*devices, command.device))


def _unbind(desk: Desk, case: Case, command: Unbind) -> Holder | Refused:
    devices = case.holder.devices
    if command.device not in devices:
        return Refused(HolderRefusal.DEVICE_NOT_BOUND)
    fresh = (case.holder.id, command.device, None)
    if fresh in desk.bound:
        desk.bound[desk.bound.index(fresh)] = (case.holder.id, command.device, desk.now)
    else:
        desk.unbound.append((case.holder.id, command.device))
    case.bound_before = True
    return case.change(devices=tuple(device for device in devices if device != command.device))


def _give(desk: Desk, case: Case, command: Give) -> Holder | Refused:
    if case.consents.get(command.purpose) == command.text_version:
        return Refused(HolderRefusal.CONSENT_GIVEN, {"purpose": str(command.purpose)})
    case.consents[command.purpose] = command.text_version
    desk.consents.append((case.holder.id, True, str(command.purpose), command.text_version))
    return case.change()


def _withdraw(desk: Desk, case: Case, command: Withdraw) -> Holder | Refused:
    text_version = case.consents.pop(command.purpose, None)
    if text_version is None:
        return Refused(HolderRefusal.CONSENT_NOT_GIVEN, {"purpose": str(command.purpose)})
    desk.consents.append((case.holder.id, False, str(command.purpose), text_version))
    # Without the guardian's consent a child is known as nobody; a level never falls for less.
    fallen = command.purpose is Purpose.UNDER_14 and missing(desk, case)
    return case.change(level=Level.ANONYMOUS if fallen else case.holder.level)


def _erase(desk: Desk, case: Case, command: Erase) -> Erased | Refused:
    if case.holder.id in desk.acting:
        return Refused(HolderRefusal.ACTS_FOR_COMPANY)
    if not (case.names or case.holder.devices or case.bound_before or command.beside):
        return Refused(HolderRefusal.NOTHING_HELD)
    # While a card of his is open the relation stands, whatever is said.
    ended_at = None if command.cards_open else command.ended_at
    duties = tuple(dict.fromkeys((*command.duties, *command.duties_of_cards)))
    if ended_at is not None and command.last_closed_at is not None:
        ended_at = max(ended_at, command.last_closed_at)
    standing = retain.standing(sorted(case.names), duties, ended_at, desk.now)
    gone = tuple(field for field in sorted(case.names) if field not in standing)
    whole = not standing and not command.cards_open
    over = whole or (ended_at is not None and ended_at <= desk.now)
    devices = (DEVICES,) if case.bound_before or (over and case.holder.devices) else ()
    beside = (*command.beside, *devices)
    if not gone and not beside:
        # Where no duty keeps anything, what is left are devices: they are bound as long as a card is open.
        if command.cards_open and (command.ended_at is not None or not standing):
            return Refused(HolderRefusal.CARDS_OPEN, {"count": command.cards_open})
        return _kept_whole(standing)
    for field in gone:
        if field in UNIQUE:
            desk.taken.pop((field, claim_of(field, case.value(field) or "")), None)
        case.forget(field)
    ended = [duty.rule for duty in duties if not set(duty.fields).isdisjoint(gone)]
    rule = f"over: {', '.join(ended)}" if ended else "no duty"
    desk.erasures.append((case.holder.id, (*gone, *beside), rule, over))
    left = () if over else case.holder.devices
    desk.bound = [one for one in desk.bound if one[0] != case.holder.id or (one[2] is None and not over)]
    case.bound_before = False
    if whole:
        case.change(
            identity=True, level=Level.ANONYMOUS, state=State.ERASED, devices=left, agent_id=None,
            beneficial_owner_id=None,
        )  # fmt: skip
    else:
        identity = not IDENTITY.isdisjoint(gone)
        level = Level.ANONYMOUS if missing(desk, case) else case.holder.level
        level = Level.REGISTERED if identity and level is Level.VERIFIED else level
        case.change(identity=identity, level=level, devices=left)
    kept = {field: until for field, (until, _) in standing.items()}
    return Erased(case.holder.ref, gone, kept, case.holder.state, beside, desk.sheet.batch_id)


def _kept_whole(standing: Mapping[Field, tuple[datetime | None, Duty]]) -> Refused:
    """Why nothing of a holder may go: the longest of the duties, and its day."""
    duty = max((duty for _, duty in standing.values()), key=lambda one: one.years)
    facts = {"fields": ", ".join(standing), "rule": f"{duty.rule} ({duty.source})"}
    days = [until for until, _ in standing.values() if until is not None]
    if not days:
        return Refused(HolderRefusal.RELATION_STANDS, facts)
    return Refused(HolderRefusal.DUTY_STANDS, {**facts, "until_at": render_time(max(days))})


def _ask(desk: Desk, case: Case, _: Ask) -> Case | Refused:
    if case.holder.level is Level.ANONYMOUS:
        return Refused(HolderRefusal.NOT_REGISTERED, {"missing": ", ".join(missing(desk, case))})
    return case


_RULES: dict[type[Any], Callable[[Desk, Case, Any], Made | Refused]] = {
    Update: _update, Bind: _bind, Unbind: _unbind, Give: _give, Withdraw: _withdraw, Erase: _erase, Ask: _ask,
}  # fmt: skip


def _words(text: str, _: Desk) -> str:
    return numbers.words(text)


def _document_type(text: str, _: Desk) -> str:
    if text not in list(DocumentType):
        raise ValueError("koudai")
    return text


_WRITTEN: dict[Field, Callable[[str, Desk], str]] = {
    Field.NAME: _words,
    Field.DOCUMENT_TYPE: _document_type,
    Field.DOCUMENT_NUMBER: lambda text, _: text,
    Field.PHONE: lambda text, _: numbers.phone(text),
    Field.EMAIL: lambda text, _: numbers.email(text),
    Field.ADDRESS: _words,
    Field.BIRTH_DATE: lambda text, desk: numbers.birth_date(text, today=desk.today.date()),
    Field.CREDIT_CODE: lambda text, _: numbers.credit_code(text),
    Field.LICENCE: _words,
}
