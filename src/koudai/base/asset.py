"""Assets: what an amount is an amount of. A currency today; airtime, points and carbon by the same type."""

from dataclasses import dataclass

# ISO 4217 (list one, active currencies of states), grouped by the number of decimals of the minor unit.
_ISO_4217 = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF"
        " CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD"
        " HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA"
        " MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN"
        " QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP"
        " TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_SCALES = {code: scale for scale, codes in _ISO_4217.items() for code in codes.split()}


@dataclass(frozen=True, slots=True)
class Asset:
    """A thing that is counted: its code, and how many decimals its minor unit has (`CNY`, 2: the fen)."""

    code: str
    scale: int


_KNOWN = {code: Asset(code, scale) for code, scale in _SCALES.items()}


def asset(code: str) -> Asset | None:
    """The asset of that code (ISO 4217, upper case), or None when there is none."""
    return _KNOWN.get(code)


def asset_codes() -> frozenset[str]:
    """The codes of all assets there are."""
    return frozenset(_KNOWN)
