"""A programme as its document says it, its versions, and the gates before its launch.

Amounts are whole minor units of the programme's currency, rates basis points, days Chinese calendar days.
What a field means stands beside it, for editors (`docs/reference/programme.schema.json`) and readers alike.
"""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from koudai.base import MAX_MINOR
from koudai.ledger import DrawOrder, Flow, FundingSource, Limit, Per, Subject
from koudai.policy import GateKind, ProgrammeClass
from koudai.programmes.words import (
    Carrier,
    Commission,
    Identity,
    Kind,
    Pin,
    Receiver,
    Renewal,
    Scenario,
    Start,
)

_Days = Annotated[int, Meta(ge=1, le=36_600)]
_DaysOrNone = Annotated[int, Meta(ge=0, le=36_600)]
_Amount = Annotated[int, Meta(ge=1, le=MAX_MINOR)]
_Bound = Annotated[int, Meta(ge=0, le=MAX_MINOR)]
_Window = Annotated[int, Meta(ge=60, le=31_622_400)]
_Word = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\s,]+$")]
_Slug = Annotated[str, Meta(min_length=1, max_length=60, pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
_Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
_Rate = Annotated[int, Meta(ge=100, le=500)]
_Merchants = Annotated[tuple[_Word, ...], Meta(min_length=1, max_length=30_000)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a document: a field that isn't known is a mistake."""


class Titles(_Part, frozen=True):
    """What people call the programme."""

    en: Annotated[_Title, Meta(description="In English.")]
    zh: Annotated[_Title, Meta(description="In Chinese.")]


class Policy(_Part, frozen=True):
    """The law that judges the programme."""

    pack: Annotated[_Slug, Meta(description="The policy pack.", examples=["cn-single-purpose"])]
    pilots: Annotated[
        tuple[_Slug, ...], Meta(max_length=20, description="Sandbox pilots that open named clauses of the pack.")
    ] = ()


class Validity(_Part, frozen=True):
    """How long a card may be used. Without `days` it never expires, and nothing else is said."""

    days: Annotated[_Days | None, Meta(description="How many days; left out: a card never expires.")] = None
    since: Annotated[
        Start, Meta(description="What the days count from; what is bought on a card without any has them all.")
    ] = Start.ISSUE
    renewal: Annotated[Renewal, Meta(description="What happens when they are over.")] = Renewal.NONE
    renewal_days: Annotated[
        _Days | None, Meta(description="By how many days a renewal prolongs; left out: as `days`.")
    ] = None
    grace_days: Annotated[_DaysOrNone, Meta(description="How many days after its expiry a card still pays.")] = 0
    reactivation_days: Annotated[
        _DaysOrNone | None,
        Meta(description="Within how many days after its expiry it is made to go on; left out: at any time, 0: never."),
    ] = None


class KindTerms(_Part, frozen=True):
    """What cards of one kind may hold, and for how long."""

    max_balance_minor: Annotated[_Amount | None, Meta(description="The most a card may hold; left out: no cap.")] = None
    max_load_minor: Annotated[_Amount | None, Meta(description="The most of one load; left out: no cap.")] = None
    validity: Annotated[Validity, Meta(description="How long a card may be used.")] = Validity()
    sellable: Annotated[bool, Meta(description="Whether a card may be sold on.")] = False


class Kinds(_Part, frozen=True):
    """Which kinds of cards there are: one at least."""

    registered: Annotated[KindTerms | None, Meta(description="Cards in somebody's name.")] = None
    bearer: Annotated[KindTerms | None, Meta(description="Cards of whoever holds them.")] = None


class FlowLimit(_Part, frozen=True):
    """A limit on what flows, as the ledger counts it."""

    flow: Annotated[Flow, Meta(description="What is counted.")]
    subjects: Annotated[
        tuple[Subject, ...], Meta(min_length=1, max_length=2, description="Whose flows: of one subject or of a pair.")
    ]
    per: Annotated[Per, Meta(description="Over what it adds up.")]
    window_s: Annotated[_Window | None, Meta(description="The length of a rolling window, in seconds.")] = None
    min_minor: Annotated[_Bound | None, Meta(description="The least of a transaction, or the balance to keep.")] = None
    max_minor: Annotated[_Bound | None, Meta(description="The most.")] = None
    max_count: Annotated[_Bound | None, Meta(description="How often.")] = None

    def as_limit(self) -> Limit:
        """The limit as the ledger has it, not declared yet."""
        return Limit(self.subjects, self.flow, self.per, self.window_s, self.min_minor, self.max_minor, self.max_count)

    @property
    def name(self) -> str:
        """What makes it the limit that it is, whatever its bounds: `load.card.day`, `redeem.card.rolling.3600`."""
        name = self.as_limit().name
        return name if self.window_s is None else f"{name}.{self.window_s}"


class Fees(_Part, frozen=True):
    """What a holder pays for. What isn't here costs nothing: neither a card nor its silence."""

    replacement_minor: Annotated[
        _Bound, Meta(description="For a card in the place of another. In China at most 20 yuan, as koudai has it.")
    ] = 0


class Withdrawal(_Part, frozen=True):
    """Value that leaves as money, to the same name. In China it is prohibited, and a card handed back costs nothing."""

    fee_bps: Annotated[int, Meta(ge=0, le=10_000, description="What is kept of what leaves.")] = 0


class IdleFund(_Part, frozen=True):
    """Idle balances in a money-market fund: simulated with play money, in a sandbox alone."""

    partner: Annotated[_Title, Meta(description="Who runs the fund.")]


class Scenarios(_Part, frozen=True):
    """Which of the eight classes cards pay for, and by which commission class the merchants pay."""

    ecommerce: Annotated[Commission | None, Meta(description="Shops on the net.")] = None
    offline_retail: Annotated[Commission | None, Meta(description="Shops in the street.")] = None
    local_services: Annotated[Commission | None, Meta(description="Services nearby.")] = None
    dining: Annotated[Commission | None, Meta(description="Restaurants, coffee, delivery.")] = None
    groceries: Annotated[Commission | None, Meta(description="Food and daily goods.")] = None
    travel: Annotated[Commission | None, Meta(description="Hotels, tickets, rides.")] = None
    entertainment: Annotated[Commission | None, Meta(description="Film, games, memberships.")] = None
    health_beauty: Annotated[Commission | None, Meta(description="Health, beauty, sport.")] = None


class Goods(_Part, frozen=True):
    """Goods by class and by stock-keeping unit (SKU), as the merchants' catalogues name them."""

    classes: Annotated[tuple[_Word, ...], Meta(max_length=1000, description="Classes of goods.")] = ()
    skus: Annotated[tuple[_Word, ...], Meta(max_length=10_000, description="Single goods.")] = ()


class Accepts(_Part, frozen=True):
    """Where and for what cards pay. A SKU's own listing goes before that of its class."""

    merchants: Annotated[
        _Merchants | None,
        Meta(description="Whitelist of merchants; left out: every one."),
    ] = None
    goods: Annotated[Goods | None, Meta(description="Whitelist of goods; left out: all goods.")] = None
    excluded: Annotated[Goods, Meta(description="Goods that cards never pay for.")] = Goods()


class Split(_Part, frozen=True):
    """A card taken apart into new ones."""

    max_pieces: Annotated[int, Meta(ge=2, le=1000, description="Into how many at most, by one root card.")]
    max_generations: Annotated[int, Meta(ge=1, le=100, description="How often what was split is split again.")]
    min_minor: Annotated[_Amount, Meta(description="The least that a piece holds.")] = 1


class Gift(_Part, frozen=True, kw_only=True):
    """A card passed on."""

    to: Annotated[Receiver, Meta(description="To whom.")] = Receiver.ANYBODY
    claim_days: Annotated[
        int, Meta(ge=1, le=366, description="Within how many days it is claimed; then it goes back to the giver.")
    ]
    identity: Annotated[Identity, Meta(description="How well who claims it is known.")] = Identity.ANONYMOUS


class CashbackRates(_Part, frozen=True):
    """Of what is paid in each class, in basis points (1 % is 100)."""

    ecommerce: _Rate | None = None
    offline_retail: _Rate | None = None
    local_services: _Rate | None = None
    dining: _Rate | None = None
    groceries: _Rate | None = None
    travel: _Rate | None = None
    entertainment: _Rate | None = None
    health_beauty: _Rate | None = None


class Cashback(_Part, frozen=True):
    """What comes back of what is paid, as a bonus."""

    rates_bps: Annotated[CashbackRates, Meta(description="How much, by scenario class.")]
    merchants: Annotated[
        _Merchants | None,
        Meta(description="At which merchants; left out: at all of the classes."),
    ] = None
    day_max_minor: Annotated[_Amount | None, Meta(description="The most for a card in a day; left out: no cap.")] = None
    valid_days: Annotated[_Days | None, Meta(description="How long the bonus lasts; left out: for ever.")] = None


class Notices(_Part, frozen=True):
    """Of what holders are reminded (P14)."""

    before_expiry_days: Annotated[
        tuple[_Days, ...], Meta(max_length=20, description="How many days before a card expires.")
    ] = ()
    silence_days: Annotated[tuple[_Days, ...], Meta(max_length=20, description="After how many days without use.")] = ()


class PayCode(_Part, frozen=True):
    """A code that pays once and changes, so that number and PIN never cross a till."""

    ttl_s: Annotated[int, Meta(ge=5, le=600, description="How long it lives, in seconds.")]


class Till(_Part, frozen=True):
    """How physical cards are sold: as the newest version says when they are, since nobody has them before."""

    activation_delay_s: Annotated[
        int,
        Meta(
            ge=0, le=604_800,
            description="How long after its sale a card can't be used yet, in seconds, so that a buyer who was tricked"
            " can still call it off.",
        ),
    ] = 0  # fmt: skip
    warn_cards: Annotated[
        int,
        Meta(
            ge=1, le=10_000,
            description="From how many cards on, to one payer in a day or at one till or clerk in an hour, who sells"
            " them has to read a warning. A family buys two or three; whoever is tricked is sent for many.",
        ),
    ] = 5  # fmt: skip
    warn_minor: Annotated[
        _Amount,
        Meta(
            description="The same from which sum on, and from which at one till in a day to buyers who aren't known."
            " Unless said, half of the 10,000 yuan from which on the buyer of bearer cards has to be known."
        ),
    ] = 500_000


class Programme(_Part, frozen=True, kw_only=True, rename={"class_": "class"}):
    """A card programme."""

    name: Annotated[_Slug, Meta(description="The name that files and commands use.")]
    titles: Annotated[Titles, Meta(description="What people call it.")]
    effective_on: Annotated[date, Meta(description="The Chinese calendar day on which this version takes effect.")]
    currency: Annotated[str, Meta(min_length=3, max_length=3, description="ISO 4217, such as CNY.")]
    class_: Annotated[ProgrammeClass, Meta(description="What it is to the law.")]
    policy: Annotated[Policy, Meta(description="The law that judges it.")]
    sandbox_only: Annotated[bool, Meta(description="Whether it is for trying out alone, and never goes live.")] = False
    kinds: Annotated[Kinds, Meta(description="Kinds of cards, with caps and validity.")]
    carriers: Annotated[
        tuple[Carrier, ...], Meta(max_length=2, description="What numbers are on; left out: bare codes.")
    ] = ()
    till: Annotated[Till, Meta(description="How physical cards are sold.")] = Till()
    number_prefix: Annotated[
        str,
        Meta(
            min_length=6, max_length=6, pattern="^[09][0-9]{5}$",
            description="The first six digits of card numbers: private use, so 9 or 0 first.",
        ),
    ]  # fmt: skip
    pin: Annotated[Pin, Meta(description="Whether cards have a PIN.")] = Pin.NONE
    pay_code: Annotated[PayCode | None, Meta(description="A rotating pay code; left out: none.")] = None
    funding: Annotated[
        tuple[FundingSource, ...], Meta(min_length=1, max_length=9, description="What value may come from.")
    ]
    limits: Annotated[tuple[FlowLimit, ...], Meta(max_length=50, description="What may flow.")] = ()
    fees: Annotated[Fees, Meta(description="What a holder pays for.")] = Fees()
    withdrawal: Annotated[Withdrawal | None, Meta(description="Value as money; left out: not offered.")] = None
    idle_fund: Annotated[IdleFund | None, Meta(description="Idle balances in a fund; left out: not offered.")] = None
    scenarios: Annotated[Scenarios, Meta(description="What cards pay for: one class at least.")]
    accepts: Annotated[Accepts, Meta(description="Where and for what cards pay.")] = Accepts()
    split: Annotated[Split | None, Meta(description="Cards taken apart; left out: they are not.")] = None
    gift: Annotated[Gift | None, Meta(description="Cards passed on; left out: they are not.")] = None
    cashback: Annotated[Cashback | None, Meta(description="What comes back; left out: nothing.")] = None
    draw_order: Annotated[DrawOrder, Meta(description="Which value is spent first.")] = DrawOrder.BONUS_FIRST
    notices: Annotated[Notices, Meta(description="Of what holders are reminded.")] = Notices()

    def of_kind(self, kind: Kind) -> KindTerms | None:
        """The terms of a kind of card, or None where there are none of it."""
        return self.kinds.registered if kind is Kind.REGISTERED else self.kinds.bearer

    def commission_of(self, scenario: Scenario) -> Commission | None:
        """By what the merchants of a class pay; None where cards don't pay for it."""
        found: Commission | None = getattr(self.scenarios, scenario)
        return found


class Version(msgspec.Struct, frozen=True):
    """A version of a programme's document, as it was put: in force from `effective_at` on, until a later one is."""

    programme_id: int
    effective_at: datetime
    document: str
    programme: Programme
    put_by: str
    put_at: datetime


class GateEntry(msgspec.Struct, frozen=True):
    """What somebody entered for a gate: the number of a filing, of a licence, of an account."""

    programme_id: int
    gate: GateKind
    reference: str
    entered_by: str
    entered_at: datetime


class Launched(msgspec.Struct, frozen=True):
    """That a programme went live: who launched it, when."""

    programme_id: int
    launched_by: str
    launched_at: datetime
