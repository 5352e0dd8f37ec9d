"""The closed sets of words that facts may have, each word said in both languages."""

from koudai.base import asset_codes
from koudai.policy.model import Certainty, Point, ProgrammeClass, Said, Severity

CURRENCIES = {code: Said(code, code) for code in sorted(asset_codes())}
CLASSES = {
    str(ProgrammeClass.SINGLE_PURPOSE): Said("single-purpose", "单用途"),
    str(ProgrammeClass.MULTI_PURPOSE): Said("multi-purpose", "多用途"),
    str(ProgrammeClass.TELECOM_TOPUP): Said("telecom top-up", "话费充值"),
    str(ProgrammeClass.FIXED_GOODS_VOUCHER): Said("voucher for fixed goods", "固定商品提货券"),
}
ISSUER_CLASSES = {
    "group": Said("group", "集团发卡企业"),
    "brand": Said("brand", "品牌发卡企业"),
    "scale": Said("of scale", "规模发卡企业"),
    "other": Said("other", "其他发卡企业"),
}
SECTORS = {
    "retail": Said("retail", "零售业"),
    "lodging_catering": Said("lodging or catering", "住宿和餐饮业"),
    "resident_services": Said("resident services", "居民服务业"),
    "other": Said("another", "其他行业"),
}
CARD_KINDS = {"registered": Said("registered", "记名"), "bearer": Said("bearer", "不记名")}
ISSUE_REASONS = {
    "sale": Said("a sale", "售卡"),
    "claim": Said("a claimed gift", "领取转赠"),
    "exchange": Said("an exchange after expiry", "到期换卡"),
    "replacement": Said("a replacement after loss", "挂失补卡"),
}
PAYER_KINDS = {"person": Said("a person", "个人"), "company": Said("a company", "单位")}
LEVELS = {
    "anonymous": Said("anonymous", "匿名"),
    "registered": Said("registered", "已登记实名"),
    "verified": Said("verified", "已核实身份"),
}
FUNDING = {
    "transfer": Said("bank transfer", "银行转账"),
    "debit": Said("debit card", "借记卡"),
    "cash": Said("cash", "现金"),
    "credit": Said("credit card", "信用卡"),
    "instalment": Said("instalments or pay later", "分期或先享后付"),
    "bonus": Said("bonus", "赠送"),
    "company": Said("company", "单位出资"),
    "points": Said("points", "积分"),
    "airtime": Said("airtime", "话费"),
}
MERCHANTS = {
    "own": Said("the issuer's own", "发卡企业自有"),
    "group": Said("of its group", "同一集团"),
    "brand": Said("of its franchise brand", "同一品牌特许经营体系"),
    "other": Said("another's", "其他企业"),
}
PURPOSES = {
    "purchase": Said("goods or services", "商品或服务"),
    "passing_on": Said("passing on", "转给他人"),
    "utilities": Said("utilities", "公共事业缴费"),
    "own_payment_account": Said("the holder's own real-name payment account", "本人实名支付账户"),
    "payment_account": Said("another payment account", "其他支付账户"),
    "bank_account": Said("a bank account", "银行账户"),
    "cash": Said("cash", "现金"),
    "other_issuer_card": Said("another issuer's card", "其他机构发行的卡"),
    "idle_fund": Said("a fund or other yield", "理财或其他收益"),
    "lending": Said("lending", "借贷"),
    "token": Said("a token, NFT or securitisation", "代币、NFT 或证券化"),
}
REFUND_KINDS = {
    "goods": Said("returned goods", "商品退货"),
    "card": Said("the card handed back", "退卡赎回"),
    "withdrawal": Said("a withdrawal of the balance", "余额提现"),
    "recharge": Said("a recharge taken back", "充值退款"),
    "buy_back": Said("a buy-back from a company", "企业定向回购"),
    "sale": Said("a sale that is undone before any use", "未使用撤销售卡"),
}
REFUND_TARGETS = {
    "original_card": Said("the card that paid", "原支付卡"),
    "same_kind_card": Said("another card of the same kind", "同类其他卡"),
    "source": Said("the source it was paid from", "原付款渠道"),
    "payer_account": Said("the payer's account", "购卡人账户"),
    "same_name_account": Said("a bank account of the same name", "同名银行账户"),
    "cash": Said("cash", "现金"),
    "other_instrument": Said("another instrument", "其他支付工具"),
    "other_name": Said("another name", "他人名下"),
}
FUNDS_USES = {
    "settlement": Said("paying for what was redeemed", "消费结算付款"),
    "main_business": Said("the main business", "主营业务"),
    "real_estate": Said("real estate", "不动产"),
    "equity": Said("equity", "股权"),
    "securities": Said("securities", "证券"),
    "lending": Said("lending", "借贷"),
}
CLOSE_SCOPES = {"card": Said("one card", "单张卡"), "programme": Said("the whole programme", "整个卡计划")}

POINTS = {
    Point.ISSUE: Said("issue", "发卡"),
    Point.LOAD: Said("load", "充值"),
    Point.REDEEM: Said("redeem", "消费"),
    Point.SPLIT: Said("split", "拆分"),
    Point.GIFT: Said("gift", "转赠"),
    Point.REFUND: Said("refund", "退款"),
    Point.RESALE: Said("resale", "转售"),
    Point.SETTLE: Said("settle", "结算"),
    Point.CLOSE: Said("close", "关闭"),
}
SEVERITIES = {
    Severity.REFUSE: Said("refuses", "拒绝"),
    Severity.WARN: Said("warns", "警告"),
    Severity.DUTY: Said("duty", "义务"),
}
CERTAINTIES = {
    Certainty.P: Said("P: the statute was read in full", "P：已通读法规原文"),
    Certainty.V: Said(
        "V: the article was seen quoted on an official or reliable page", "V：已见官方或可靠页面引用该条"
    ),
    Certainty.S: Said("S: a secondary source", "S：二手来源"),
    Certainty.U: Said("U: not verified; it only warns until the operator enforces it", "U：未核实；运营者启用前仅警告"),
    Certainty.K: Said("K: no law, koudai's own policy", "K：非法规，为 koudai 自有规则"),
}
