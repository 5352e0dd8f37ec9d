"""The vocabulary: every fact that a clause may speak of, its kind, and the points at which it is told.

Whoever asks for a judgement at a point tells facts by these names. Levels are those of identity: *registered* is
stated and well-formed, *verified* is confirmed by an outside source. Days and years are China's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from koudai.policy import words
from koudai.policy.model import FEWEST, MOST, Allowed, Point, Recurrence, Said, Unit


class Kind(StrEnum):
    """What a fact is."""

    MONEY = "money"
    TIME = "time"
    SHARE = "share"
    WORD = "word"
    FLAG = "yes or no"


_UNITS = {
    Kind.MONEY: frozenset({Unit.MINOR}),
    Kind.TIME: frozenset({Unit.DAYS, Unit.MONTHS}),
    Kind.SHARE: frozenset({Unit.BPS}),
}


@dataclass(frozen=True)
class Fact:
    """One fact: its name, kind, unit, where it is told, and what it means.

    `label` names it within a sentence, `meaning` says what it is. A sum over a `window` includes the operation
    that is judged; `grows_by` is the fact by which this operation makes it larger, so that the room left is known.
    Of a share that grows, `share` names the amounts: what it is a share, and of what; these are told with it.
    """

    name: str
    kind: Kind
    points: frozenset[Point]
    label: Said
    meaning: Said
    unit: Unit | None = None
    words: Mapping[str, Said] | None = None
    window: Recurrence | None = None
    grows_by: str | None = None
    share: tuple[str, str] | None = None

    @property
    def reckoned_with(self) -> tuple[str, ...]:
        """The facts from which the room left under it is reckoned."""
        return tuple(name for name in (self.grows_by, *(self.share or ())) if name is not None)

    def __post_init__(self) -> None:
        assert (self.unit is None) if self.kind not in _UNITS else (self.unit in _UNITS[self.kind]), self.name
        assert (self.words is not None) == (self.kind is Kind.WORD), self.name

    @property
    def domain(self) -> Allowed:
        """All values that it can have."""
        if self.words is not None:
            return frozenset(self.words)
        return frozenset({True, False}) if self.kind is Kind.FLAG else range(FEWEST, MOST + 1)


_I, _L, _R, _S, _G = Point.ISSUE, Point.LOAD, Point.REDEEM, Point.SPLIT, Point.GIFT
_F, _X, _T, _C = Point.REFUND, Point.RESALE, Point.SETTLE, Point.CLOSE
_EVERYWHERE = tuple(Point)
_SALES = (_I, _L)


def _fact(
    name: str, kind: Kind, points: tuple[Point, ...], label: tuple[str, str], meaning: tuple[str, str], *,
    unit: Unit | None = None, words: Mapping[str, Said] | None = None, window: Recurrence | None = None,
    grows_by: str | None = None, share: tuple[str, str] | None = None,
) -> Fact:  # fmt: skip
    said = Said(*label), Said(*meaning)
    return Fact(
        name, kind, frozenset(points), *said, unit=unit, words=words, window=window, grows_by=grows_by, share=share
    )


def _word(
    name: str, choice: Mapping[str, Said], points: tuple[Point, ...], en: str, zh: str, mean_en: str, mean_zh: str
) -> Fact:
    return _fact(name, Kind.WORD, points, (en, zh), (mean_en, mean_zh), words=choice)


def _flag(name: str, points: tuple[Point, ...], en: str, zh: str, mean_en: str, mean_zh: str) -> Fact:
    return _fact(name, Kind.FLAG, points, (en, zh), (mean_en, mean_zh))


def _money(
    name: str, points: tuple[Point, ...], en: str, zh: str, mean_en: str, mean_zh: str, *,
    window: Recurrence | None = None, grows_by: str | None = None,
) -> Fact:  # fmt: skip
    told = ((en, zh), (mean_en, mean_zh))
    return _fact(name, Kind.MONEY, points, *told, unit=Unit.MINOR, window=window, grows_by=grows_by)


def _number(
    name: str, kind: Kind, unit: Unit, points: tuple[Point, ...], en: str, zh: str, mean_en: str, mean_zh: str
) -> Fact:
    return _fact(name, kind, points, (en, zh), (mean_en, mean_zh), unit=unit)


def _share_of(whole: str, name: str, en: str, zh: str, mean_en: str, mean_zh: str) -> Fact:
    """A share that the prepaid balance is of something."""
    told = ((en, zh), (mean_en, mean_zh))
    return _fact(name, Kind.SHARE, _SALES, *told, unit=Unit.BPS, grows_by=_AMOUNT, share=("prepaid_minor", whole))


_AMOUNT = "amount_minor"

_PROGRAMME = (
    _word("programme_class", words.CLASSES, _EVERYWHERE, "class of the programme", "卡计划类别",
          "What kind of programme it is.", "卡计划属于哪一类。"),
    _word("currency", words.CURRENCIES, _EVERYWHERE, "currency", "币种", "The programme's currency.", "卡计划的币种。"),
    _flag("play_money", _EVERYWHERE, "play money", "模拟资金",
          "The programme runs on a test side, where no money is real.", "卡计划运行于测试侧，资金均非真实。"),
    _flag("simulated", (_I, _L, _F, _X, _T), "simulated source", "模拟来源",
          "An outside source (bank, identity) that took part was a simulator.",
          "参与的外部来源（银行、身份）为模拟器。"),
    _flag("licensed", (_I, _R), "payment licence", "支付业务许可",
          "The issuer's payment licence is entered.", "已录入发卡机构的支付业务许可。"),
    _word("issuer_class", words.ISSUER_CLASSES, (_I, _L, _T), "class of the issuer", "发卡企业类别",
          "The issuer's class by Art. 3 of the single-purpose rules.", "按单用途办法第三条划分的发卡企业类别。"),
    _word("issuer_sector", words.SECTORS, _SALES, "line of business", "所属行业",
          "The issuer's line of business.", "发卡企业所属行业。"),
    _flag("issuer_young", _SALES, "issuer younger than a year", "成立不满一年",
          "The issuer is younger than a year, so that it has no last year's revenue.",
          "发卡企业成立不满一年，无上年度营业收入。"),
    _flag("filed", (_I,), "filing", "备案", "The issuer's filing is entered.", "已录入发卡企业的备案。"),
    _number("days_since_start", Kind.TIME, Unit.DAYS, (_I,), "days since the business began", "业务开展天数",
            "Whole days since the card business began.", "自开展发卡业务起的整天数。"),
    _flag("terms_ban_refund", (_I,), "terms without refund", "条款约定不退款",
          "The contract terms rule out every refund.", "合同条款排除一切退款。"),
    _flag("terms_ban_passing", (_I,), "terms that ban passing on", "条款禁止转让",
          "The contract terms ban passing the card on without reason.", "合同条款不合理地禁止转让。"),
    _flag("terms_ban_reissue", (_I,), "terms without re-issue", "条款约定不补卡",
          "The contract terms rule out that a lost card is issued again.", "合同条款约定丢失不补。"),
    _flag("sales_stopped", _SALES, "sales stopped for a major risk", "重大风险停售",
          "A major risk was found in the issuer's business.", "发现发卡企业经营存在重大风险。"),
)  # fmt: skip

_CARD = (
    _word("card_kind", words.CARD_KINDS, (_I, _L, _R, _S, _G, _F, _X, _C), "kind of card", "卡种",
          "Whether the card is registered to a holder or a bearer card.", "记名卡或不记名卡。"),
    _word("to_card_kind", words.CARD_KINDS, (_S, _G, _X), "kind of the receiving card", "转入卡卡种",
          "The kind of the card that the value goes to.", "资金转入的卡的卡种。"),
    _flag("transit", (_F,), "public transport card", "公共交通卡",
          "The card is one for public transport.", "该卡为公共交通领域的卡。"),
    _word("issue_reason", words.ISSUE_REASONS, (_I,), "reason of the issue", "发卡事由",
          "Why the card is issued.", "发卡的事由。"),
    _flag("expires", _SALES, "expiry", "设有效期", "The value expires at some time.", "该资金设有效期。"),
    _number("validity_months", Kind.TIME, Unit.MONTHS, _SALES, "validity", "有效期",
            "Whole months from now until the value expires; told only when it does.",
            "自现在至到期的整月数；仅在设有效期时提供。"),
    _flag("reactivation_ends", (_I,), "end of re-activation", "激活期限",
          "Once it expired, the card can be re-activated or exchanged for so long only, or never.",
          "到期后仅在一定期限内可激活或换卡，或不可激活、换卡。"),
    _money("replacement_fee_minor", (_I,), "fee of a replacement", "补卡手续费",
           "What the programme asks of a holder whose card is replaced.", "卡计划规定的补卡手续费。"),
    _number("months_since_issue", Kind.TIME, Unit.MONTHS, (_F,), "months since the purchase", "购卡至今月数",
            "Whole months since value was first bought on the card, or on the one that its first value came from.",
            "自该卡（或其首笔资金来源卡）首次购买起的整月数。"),
    _money("balance_after_minor", (_I, _L, _R, _S, _G, _F), "balance afterwards", "操作后余额",
           "The balance that the card (the receiving one) has after the operation.",
           "操作后该卡（转入卡）的余额。", grows_by=_AMOUNT),
    _money("balance_before_minor", (_F,), "balance before", "操作前余额",
           "The balance that the card has before the operation; paid out in cash, that of all cards of its root, "
           "with what was paid out of them in cash before.",
           "操作前该卡的余额；退现金时为同源各卡余额合计，含此前已退的现金。"),
    _money("root_minor", (_I, _L, _S, _G, _F), "value under one root card", "同一根卡下的资金",
           "All value of the cards that stem from one root card, after the operation.",
           "操作后同一根卡及由其派生的各卡的资金总额。", grows_by=_AMOUNT),
)  # fmt: skip

_SALE = (
    _money(_AMOUNT, (_I, _L, _R, _S, _G, _F, _X, _T, _C), "amount", "金额",
           "What this operation moves.", "本次操作的金额。", grows_by=_AMOUNT),
    _money("purchase_minor", _SALES, "amount of the purchase", "一次购买金额",
           "What the payer pays in one purchase, over all its cards.",
           "购卡人一次购买（含其全部卡）的金额。", grows_by=_AMOUNT),
    _money("purchase_day_minor", _SALES, "bearer purchases of the day", "当日购买不记名卡金额",
           "What this payer bought of bearer cards that day, with this purchase.",
           "该购卡人当日购买不记名卡的金额，含本次。",
           window=Recurrence.DAY, grows_by=_AMOUNT),
    _money("cash_day_minor", (_L,), "cash of the day on this card", "该卡当日现金充值",
           "What was put in cash that day on this card and all others of its root, with this load; told only for cash.",
           "该卡及同源各卡当日现金充值金额，含本次；仅现金充值时提供。", window=Recurrence.DAY, grows_by=_AMOUNT),
    _money("load_day_minor", (_L,), "loads of the day", "当日充值",
           "What this payer loaded that day, with this load.", "该付款人当日充值金额，含本次。",
           window=Recurrence.DAY, grows_by=_AMOUNT),
    _word("payer_kind", words.PAYER_KINDS, (_I, _L, _F), "payer", "购卡人",
          "Who pays, or paid.", "付款人为个人或单位。"),
    _word("payer_level", words.LEVELS, _SALES, "identity of the payer", "购卡人身份",
          "How well the payer's identity is known.", "购卡人身份的确认程度。"),
    _flag("payer_is_buyer", (_I,), "payer and buyer of one name", "付款人与购卡人同名",
          "The name of the paying account is the buyer's.", "付款账户名称与购卡人一致。"),
    _word("funding", words.FUNDING, _SALES, "funding", "资金来源", "What it is paid with.", "以何种方式付款。"),
    _flag("face_to_face", _SALES, "face to face", "当面办理", "Buyer and seller meet.", "当面销售。"),
    _flag("own_outlet", (_L,), "own outlet", "自有网点",
          "It is done at an outlet of the issuer's own.", "在发卡机构自有网点办理。"),
    _flag("top_up", (_L,), "top-up", "充值",
          "It is put on a card that is out already, and isn't the purchase of that card.",
          "向已发出的卡充值，而非购卡。"),
    _money("prepaid_minor", _SALES, "prepaid balance", "预收资金余额",
           "All that the issuer owes on its cards afterwards.", "操作后发卡企业的预收资金余额。", grows_by=_AMOUNT),
    _money("revenue_minor", _SALES, "last year's main revenue", "上年度主营业务收入",
           "Last year's main revenue, as the issuer stated it (a group: the group's).",
           "发卡企业填报的上年度主营业务收入（集团为集团收入）。"),
    _money("capital_minor", _SALES, "registered capital", "注册资本",
           "The registered capital, as the issuer stated it.", "发卡企业填报的注册资本。"),
    _share_of("revenue_minor", "prepaid_share_bps", "share of last year's revenue", "占上年度收入比例",
            "The prepaid balance afterwards, as a share of last year's main revenue (a group: the group's).",
            "操作后预收资金余额占上年度主营业务收入（集团为集团收入）的比例。"),
    _share_of("capital_minor", "prepaid_of_capital_bps", "share of the capital", "占注册资本比例",
            "The prepaid balance afterwards, as a share of the registered capital; told only of a young issuer.",
            "操作后预收资金余额占注册资本的比例；仅成立不满一年时提供。"),
)  # fmt: skip

_USE = (
    _word("merchant_of", words.MERCHANTS, (_R,), "merchant", "商户",
          "Whose the merchant is, seen from the issuer.", "商户与发卡企业的关系。"),
    _flag("merchant_contracted", (_R,), "contracted merchant", "特约商户",
          "The merchant has a contract with the issuer.", "商户与发卡机构签有协议。"),
    _flag("online", (_R,), "online", "网络支付", "It is paid over a network.", "通过网络支付。"),
    _flag("own_web_shop", (_R,), "web shop of an own merchant", "本机构商户网店",
          "It is the web shop of a merchant of the issuer's own network.", "为本机构拓展的商户的网店。"),
    _word("purpose", words.PURPOSES, (_R, _S, _G, _X), "purpose", "用途",
          "What the value is used for.", "资金的用途。"),
    _money("own_account_year_minor", (_R,), "the year's transfers to the own payment account", "当年转入本人支付账户",
           "What went to the holder's own payment account this year, with this; told only for that purpose.",
           "当年转入持卡人本人支付账户的金额，含本次；仅此用途时提供。", window=Recurrence.YEAR, grows_by=_AMOUNT),
    _word("receiver_level", words.LEVELS, (_G, _X), "identity of the receiver", "受让人身份",
          "How well the receiver's identity is known.", "受让人身份的确认程度。"),
    _word("seller_level", words.LEVELS, (_X,), "identity of the seller", "转让人身份",
          "How well the seller's identity is known.", "转让人身份的确认程度。"),
    _flag("same_name_account", (_X,), "account of the same name", "同名账户",
          "The seller is paid to an account of the same name.", "转让款付至转让人同名账户。"),
)  # fmt: skip

_BACK = (
    _word("refund_kind", words.REFUND_KINDS, (_F,), "kind of refund", "退款类别", "What is refunded.", "退款的类别。"),
    _word("refund_to", words.REFUND_TARGETS, (_F,), "goes to", "退往", "Where the money goes.", "退款去向。"),
    _flag("original_usable", (_F,), "original card usable", "原卡可用",
          "The card that paid is still there and the refund fits under its cap; told of returned goods.",
          "原支付卡仍有效且退回后不超限额；商品退货时提供。"),
    _flag("identity_checked", (_F,), "holder's identity checked", "已核对持卡人身份",
          "The holder's identity paper was checked.", "已核对持卡人身份证件。"),
    _flag("buyer_identity_checked", (_F,), "buyer's identity checked", "已核对购卡人身份",
          "The buyer's identity paper was checked.", "已核对购卡人身份证件。"),
    _flag("red_letter_invoice", (_F,), "red-letter invoice", "红字发票",
          "The invoice was taken back with a red-letter invoice; told of buy-backs.", "已开具红字发票；回购时提供。"),
    _money("refund_day_minor", (_F,), "recharges taken back that day", "当日充值退款",
           "What this payer took back of recharges that day, with this; told of recharges.",
           "该付款人当日充值退款金额，含本次；充值退款时提供。", window=Recurrence.DAY, grows_by=_AMOUNT),
    _money("refund_fee_minor", (_F,), "fee kept of the refund", "退款扣收的手续费",
           "What is kept of the refund as a fee.", "退款中扣收的手续费。"),
    _word("funds_use", words.FUNDS_USES, (_T,), "use of the funds", "资金用途",
          "What the prepaid funds are paid out for.", "预收资金的支付用途。"),
    _number("custody_share_bps", Kind.SHARE, Unit.BPS, (_T,), "share in custody", "存管比例",
            "What is in custody afterwards, as a share of last quarter's prepaid balance.",
            "操作后存管资金占上季度末预收资金余额的比例。"),
    _flag("custody_covered", (_T,), "insurance or guarantee", "保险或担保",
          "Insurance or a guarantee stands in for custody.", "以保险或担保代替资金存管。"),
    _number("reserve_share_bps", Kind.SHARE, Unit.BPS, (_T,), "share of the reserve on deposit", "备付金交存比例",
            "What is on deposit afterwards, as a share of customers' reserve money.",
            "操作后交存资金占客户备付金的比例。"),
    _flag("reserve_pledged", (_T,), "reserve pledged", "备付金设质",
          "The reserve is pledged for a debt.", "备付金被用于担保。"),
    _flag("receiver_onboarded", (_T,), "receiver onboarded", "收款方已入网",
          "The receiver of the payout was taken on as a merchant.", "付款的收款方已完成商户入网。"),
    _word("close_scope", words.CLOSE_SCOPES, (_C,), "what is closed", "关闭范围",
          "Whether one card or the whole programme is closed.", "关闭单张卡或整个卡计划。"),
    _number("notice_days", Kind.TIME, Unit.DAYS, (_C,), "days of notice", "提前公告天数",
            "Days between the notice and the closing; told of programmes.", "公告至关闭的天数；关闭卡计划时提供。"),
    _money("close_fee_minor", (_C,), "fee of the refund", "退款手续费",
           "What is kept of the refund as a fee; told of programmes.", "退款中扣收的手续费；关闭卡计划时提供。"),
    _flag("forfeits", (_C,), "value lost", "资金作废",
          "The holder loses what was not used.", "未使用的资金作废。"),
)  # fmt: skip

FACTS: Mapping[str, Fact] = {fact.name: fact for fact in (*_PROGRAMME, *_CARD, *_SALE, *_USE, *_BACK)}
"""Every fact by its name."""
