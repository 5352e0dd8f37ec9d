"""The routes of documents of programmes before anything is put. None of them changes anything."""

from koudai.api import drafting
from koudai.api.door import Operation
from koudai.api.draft_shapes import (
    CheckedDocument,
    ProgrammeDifference,
    ProgrammeDocument,
    ProgrammePair,
    ProgrammeSource,
    ShippedDocument,
    ShippedTitles,
)
from koudai.api.examples import PAIR, SOURCE, VERSION
from koudai.api.problems import ApiProblem
from koudai.identity import Scope
from koudai.programmes import ProgrammeFault, ProgrammeRefusal, UnderLaw

_OF_SOURCE = (ApiProblem.NOT_FOUND, ProgrammeFault.UNKNOWN_VERSION, ProgrammeRefusal.NOT_VALID)

DRAFT_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET", path="/v1/shipped_programmes", name="list_shipped_programmes", tag="Programmes",
        summary="List the programmes that come with koudai", scope=Scope.PROGRAMMES_READ, response=ShippedTitles,
        handle=drafting.list_shipped,
    ),
    Operation(
        method="GET", path="/v1/shipped_programmes/{name}", name="get_shipped_programme", tag="Programmes",
        summary="The document of a programme that comes with koudai", scope=Scope.PROGRAMMES_READ,
        response=ShippedDocument, codes=(ApiProblem.NOT_FOUND,), handle=drafting.show_shipped,
    ),
    Operation(
        method="POST", path="/v1/programmes/check", name="check_programme", tag="Programmes",
        summary="Check a document: all its mistakes with line and column, or what it declares",
        scope=Scope.PROGRAMMES_READ, request=ProgrammeDocument, response=CheckedDocument, examples=VERSION,
        handle=drafting.check,
    ),
    Operation(
        method="POST", path="/v1/programmes/diff", name="diff_programmes", tag="Programmes",
        summary="Compare two programmes: which declared figures tighten for a holder, and which loosen",
        scope=Scope.PROGRAMMES_READ, request=ProgrammePair, response=ProgrammeDifference, codes=_OF_SOURCE,
        examples=PAIR, handle=drafting.diff,
    ),
    Operation(
        method="POST", path="/v1/policy/check", name="check_policy", tag="Policy",
        summary="What the law means for a programme: what applies, what is unverified, what its figures would break",
        scope=Scope.PROGRAMMES_READ, request=ProgrammeSource, response=UnderLaw, codes=_OF_SOURCE, examples=SOURCE,
        handle=drafting.law_check,
    ),
)  # fmt: skip
