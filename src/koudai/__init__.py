"""koudai (口袋): prepaid cards, gift cards, vouchers, airtime and points, from issue to settlement.

The tree is the architecture; imports go downward only:

    app        the composition root, the one place where everything is joined
    api, cli   the doors: parse, open a transaction, call one verb or view, render
    bench      what koudai measures of itself
    jobs       long work: the replay of a retailer's year
    cards      programmes and everything a card does
    merchants  who is paid
    identity   issuers, API keys, and the keyring of the installation
    ledger     accounts and transfers; the only room that knows a balance
    pg         the database: launcher, connections, migrations
    phrases    what every code means, in Chinese and English
    base       money, assets, time, outcomes
"""

__version__ = "0.1.0"
