"""The routes of holders."""

from koudai.api import holders
from koudai.api.door import Operation
from koudai.api.examples import COMPANY, CONSENT, DEVICE, ERASURE, LOOKUP, PERSON, READING
from koudai.api.holder_shapes import (
    ConsentEnd,
    ConsentList,
    DeviceBody,
    Erasure,
    ErasureShown,
    FieldsShown,
    HolderExport,
    HolderLookup,
    HolderPage,
    HolderShown,
    HolderUpdate,
    NewConsent,
    NewHolder,
    PrivacyReport,
    Reading,
    VerificationShown,
)
from koudai.api.problems import ApiProblem
from koudai.holders import HolderRefusal
from koudai.identity import Scope

_STATED = (
    HolderRefusal.UNKNOWN_PARTY, HolderRefusal.PARTY_NOT_PERSON, HolderRefusal.FIELD_OF_OTHER_KIND,
    HolderRefusal.MALFORMED, HolderRefusal.DUPLICATE,
)  # fmt: skip
_ON_HOLDER = (HolderRefusal.UNKNOWN_HOLDER, HolderRefusal.ERASED)

HOLDER_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST", path="/v1/holders", name="create_holder", tag="Holders",
        summary="Take a person or a company on; what is well-formed decides the level", scope=Scope.HOLDERS_WRITE,
        keyed=True, request=NewHolder, response=HolderShown, status=201, codes=_STATED,
        examples={**PERSON, **COMPANY}, handle=holders.create,
    ),
    Operation(
        method="GET", path="/v1/holders", name="list_holders", tag="Holders",
        summary="List holders with masked fields, oldest first", scope=Scope.HOLDERS_READ, response=HolderPage,
        query=("cursor", "limit"), handle=holders.page,
    ),
    Operation(
        method="POST", path="/v1/holders/find", name="find_holders", tag="Holders",
        summary="Find holders by a document's number, a credit code, a phone or an e-mail address",
        scope=Scope.HOLDERS_READ, request=HolderLookup, response=HolderPage, examples=LOOKUP, handle=holders.find,
    ),
    Operation(
        method="GET", path="/v1/holders/{id}", name="get_holder", tag="Holders",
        summary="Show a holder with masked fields", scope=Scope.HOLDERS_READ, response=HolderShown,
        codes=(ApiProblem.NOT_FOUND,), handle=holders.show,
    ),
    Operation(
        method="POST", path="/v1/holders/{id}", name="update_holder", tag="Holders",
        summary="State fields of a holder anew; another identity is no longer verified", scope=Scope.HOLDERS_WRITE,
        keyed=True, request=HolderUpdate, response=HolderShown,
        codes=(*_ON_HOLDER, *_STATED, HolderRefusal.VERSION_CHANGED), handle=holders.update,
    ),
    Operation(
        method="POST", path="/v1/holders/{id}/devices", name="bind_device", tag="Holders",
        summary="Bind a device to a holder", scope=Scope.HOLDERS_WRITE, keyed=True, request=DeviceBody,
        response=HolderShown, codes=(*_ON_HOLDER, HolderRefusal.DEVICE_BOUND, HolderRefusal.TOO_MANY_DEVICES),
        examples=DEVICE, handle=holders.bind,
    ),
    Operation(
        method="POST", path="/v1/holders/{id}/devices/unbind", name="unbind_device", tag="Holders",
        summary="End the binding of a device", scope=Scope.HOLDERS_WRITE, keyed=True, request=DeviceBody,
        response=HolderShown, codes=(*_ON_HOLDER, HolderRefusal.DEVICE_NOT_BOUND), examples=DEVICE,
        handle=holders.unbind,
    ),
    Operation(
        method="GET", path="/v1/holders/{id}/consents", name="list_consents", tag="Holders",
        summary="What a holder agreed to, from when until when", scope=Scope.HOLDERS_READ, response=ConsentList,
        codes=(HolderRefusal.UNKNOWN_HOLDER,), handle=holders.consents,
    ),
    Operation(
        method="POST", path="/v1/holders/{id}/consents", name="give_consent", tag="Holders",
        summary="Log that a holder agrees to one purpose", scope=Scope.HOLDERS_WRITE, keyed=True, request=NewConsent,
        response=HolderShown, codes=(*_ON_HOLDER, HolderRefusal.CONSENT_GIVEN), examples=CONSENT, handle=holders.give,
    ),
    Operation(
        method="POST", path="/v1/holders/{id}/consents/withdraw", name="withdraw_consent", tag="Holders",
        summary="Log that a holder takes a consent back", scope=Scope.HOLDERS_WRITE, keyed=True, request=ConsentEnd,
        response=HolderShown, codes=(*_ON_HOLDER, HolderRefusal.CONSENT_NOT_GIVEN), handle=holders.withdraw,
    ),
    Operation(
        method="POST", path="/v1/holders/{id}/verification", name="verify_holder", tag="Holders",
        summary="Have a registered holder verified by an outside source; a test side has a simulated one",
        scope=Scope.HOLDERS_WRITE, keyed=True, response=VerificationShown,
        codes=(*_ON_HOLDER, HolderRefusal.NOT_REGISTERED, HolderRefusal.NO_VERIFIER), handle=holders.verify,
    ),
    Operation(
        method="POST", path="/v1/holders/{id}/reveal", name="reveal_holder", tag="Holders",
        summary="Read fields unmasked; who, when and why is logged", scope=Scope.HOLDERS_REVEAL, request=Reading,
        response=FieldsShown, codes=(HolderRefusal.UNKNOWN_HOLDER,), examples=READING, handle=holders.reveal,
    ),
    Operation(
        method="GET", path="/v1/holders/{id}/export", name="export_holder", tag="Privacy",
        summary="Everything that is held about a holder, for himself; the reading is logged", scope=Scope.PRIVACY,
        response=HolderExport, codes=(HolderRefusal.UNKNOWN_HOLDER,), handle=holders.export,
    ),
    Operation(
        method="POST", path="/v1/holders/{id}/erasure", name="erase_holder", tag="Privacy",
        summary="Erase what no duty keeps; the books stay as they are", scope=Scope.PRIVACY, keyed=True,
        request=Erasure, response=ErasureShown,
        codes=(*_ON_HOLDER, HolderRefusal.NOTHING_HELD, HolderRefusal.RELATION_STANDS, HolderRefusal.CARDS_OPEN,
               HolderRefusal.DUTY_STANDS,
               HolderRefusal.ACTS_FOR_COMPANY),
        examples=ERASURE, handle=holders.erase,
    ),
    Operation(
        method="GET", path="/v1/privacy/report", name="privacy_report", tag="Privacy",
        summary="What is held of how many, which consents are in force, what was erased", scope=Scope.PRIVACY,
        response=PrivacyReport, handle=holders.report,
    ),
)  # fmt: skip
