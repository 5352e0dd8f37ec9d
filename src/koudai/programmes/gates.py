"""Which gates stand before a launch, by what the law's class asks for. Pure."""

from koudai.programmes.model import Programme
from koudai.programmes.words import CardClass, Gate

_OF_CLASS: dict[CardClass, tuple[Gate, ...]] = {
    # MOFCOM 2012-9: filing (Art. 7), custody (26); consumers: written contract (消保条例 22).
    CardClass.SINGLE_PURPOSE: (Gate.FILING, Gate.CONTRACT_TERMS, Gate.CUSTODY_ACCOUNT),
    # State Council order 768: licence (Art. 6), reserve on deposit (27).
    CardClass.MULTI_PURPOSE: (Gate.LICENCE, Gate.CONTRACT_TERMS, Gate.CUSTODY_ACCOUNT),
    CardClass.TELECOM_TOPUP: (Gate.LICENCE, Gate.CONTRACT_TERMS),
    CardClass.FIXED_GOODS_VOUCHER: (Gate.CONTRACT_TERMS,),
}


def usual_gates(programme: Programme) -> tuple[Gate, ...]:
    """What a programme of that class has to have entered before it goes live, wherever no pack says otherwise."""
    return () if programme.sandbox_only else _OF_CLASS[programme.class_]
