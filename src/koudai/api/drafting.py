"""Documents of programmes before anything is put: checked, compared, judged by the law; and those that are shipped.

A document is read in a thread: a large one takes its time, and whoever else is served doesn't wait for it.
"""

from collections.abc import Sequence

from anyio import to_thread

from koudai import cards, programmes
from koudai.api.door import Call
from koudai.api.draft_shapes import (
    CheckedDocument,
    DocumentMistake,
    FigureChange,
    ProgrammeDifference,
    ProgrammeSource,
    ShippedDocument,
    ShippedProgramme,
    ShippedTitle,
    ShippedTitles,
    StoredProgramme,
)
from koudai.api.problems import ApiProblem, Problem, invalid
from koudai.base import Fault, Refused
from koudai.documents import Mistake
from koudai.pg import Tx
from koudai.phrases import Language, say
from koudai.programmes import Programme, ProgrammeFault, UnderLaw, Version, not_valid


async def check(call: Call) -> CheckedDocument:
    """POST /v1/programmes/check: what is wrong with a document is the answer, and no refusal."""
    await call.transact(_nothing)
    found = await to_thread.run_sync(programmes.read_programme, call.body.document)
    if isinstance(found, list):
        return CheckedDocument(valid=False, mistakes=_mistakes(found, call.language), declared={})
    return CheckedDocument(valid=True, mistakes=[], declared=dict(programmes.declared_figures(found.value)))


async def diff(call: Call) -> ProgrammeDifference:
    """POST /v1/programmes/diff"""

    async def work(tx: Tx) -> ProgrammeDifference:
        before = await _programme(call, tx, call.body.before, "before.")
        after = await _programme(call, tx, call.body.after, "after.")
        return ProgrammeDifference([FigureChange(*one) for one in programmes.diff(before, after)])

    return await call.transact(work)


async def law_check(call: Call) -> UnderLaw:
    """POST /v1/policy/check: of a stored version with what was decided in its book, and its pilots."""

    async def work(tx: Tx) -> UnderLaw:
        if isinstance(call.body, StoredProgramme):
            stored = await _version(call, tx, call.body)
            return await programmes.under_law_of_book(tx, call.book, stored.programme_id, stored.programme)
        return programmes.under_law(await _programme(call, tx, call.body))

    return await call.transact(work)


async def list_shipped(call: Call) -> ShippedTitles:
    """GET /v1/shipped_programmes"""
    await call.transact(_nothing)
    told = [(name, await to_thread.run_sync(_shipped, name)) for name in programmes.shipped_names()]
    return ShippedTitles(
        [
            ShippedTitle(
                name, {"en": one.titles.en, "zh": one.titles.zh}, str(one.class_), one.policy.pack, one.sandbox_only
            )
            for name, one in told
            if one is not None
        ]
    )


async def show_shipped(call: Call) -> ShippedDocument:
    """GET /v1/shipped_programmes/{name}"""
    await call.transact(_nothing)
    name = call.path("name")
    text = programmes.shipped_text(name)
    if text is None:
        raise Problem(ApiProblem.NOT_FOUND)
    return ShippedDocument(name, text)


def with_sentences(refused: Refused, language: Language) -> Refused:
    """The refusal of a document, each of its mistakes with a sentence in the caller's language."""
    told = [{**one, "detail": say(one["code"], one["facts"], language)} for one in refused.facts["mistakes"]]
    return Refused(refused.code, {**refused.facts, "mistakes": told})


async def _programme(call: Call, tx: Tx, source: ProgrammeSource, field: str = "") -> Programme:
    """The programme that a source names. Raises Problem where there is none, or its document has mistakes."""
    if isinstance(source, StoredProgramme):
        return (await _version(call, tx, source)).programme
    if isinstance(source, ShippedProgramme):
        shipped = await to_thread.run_sync(_shipped, source.name)
        if shipped is None:
            raise invalid(f"{field}name", "choice", got=source.name)
        return shipped
    found = await to_thread.run_sync(programmes.read_programme, source.document)
    if isinstance(found, list):
        refused = with_sentences(not_valid(found), call.language)
        raise Problem(refused.code, {**refused.facts, "field": f"{field}document"})
    return found.value


def _shipped(name: str) -> Programme | None:
    text = programmes.shipped_text(name)
    if text is None:
        return None
    found = programmes.read_programme(text)
    assert not isinstance(found, list), "what is shipped is good"
    return found.value


async def _version(call: Call, tx: Tx, source: StoredProgramme) -> Version:
    programme_id = call.door.ids.programme(source.programme_id)
    if programme_id not in await cards.programmes_by_id(tx, call.book, [programme_id]):
        raise Problem(ApiProblem.NOT_FOUND)
    found = await programmes.version_on(tx, call.book, programme_id, source.effective_on)
    if found is None:
        day = "" if source.effective_on is None else f"@{source.effective_on.isoformat()}"
        raise Fault(ProgrammeFault.UNKNOWN_VERSION, version=f"{source.programme_id}{day}")
    return found


def _mistakes(found: Sequence[Mistake], language: Language) -> list[DocumentMistake]:
    return [
        DocumentMistake(
            m.code, m.path, m.place.line, m.place.column, say(m.code, m.facts, language), dict(m.facts)
        )
        for m in found
    ]  # fmt: skip


async def _nothing(tx: Tx) -> None:
    """No document is in the database; only the caller's key is made sure of."""
