"""A client in a process of its own: runs a file of batches, a line each, and answers each with a line.

It says when it is ready, and begins when it is told to by a line.

Called with the application's connection string, the file, and the book. A line is a list of items: `["post",
key, debit, credit, amount]` or a command on a card by its verb's name. An outcome is the place that was
booked, or the code of the refusal.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from koudai import cards, ledger
from koudai.base import Refused
from koudai.pg import Database, Target

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def item(verb, key, *what):
    if verb == "post":
        return ledger.Posting(key, *what, "CNY", "test", NOON)
    if verb == "redeem":
        card, merchant, amount = what
        return cards.Redeem(key=key, card=card, merchant_id=merchant, amount_minor=amount, asset="CNY", partial=False)
    if verb == "refund":
        card, merchant, amount = what
        return cards.Refund(key=key, card=card, merchant_id=merchant, amount_minor=amount, asset="CNY")
    if verb == "reverse":
        return cards.Reverse(key=key, redemption_key=what[0])
    return {"block": cards.Block, "unblock": cards.Unblock}[verb](key=key, card=what[0])


async def main(conninfo: str, batches: Path, book: int) -> None:
    async with Database(Target(conninfo, conninfo), max_size=1) as db:
        print("ready", flush=True)
        sys.stdin.readline()
        for line in batches.read_text().splitlines():
            items = [item(*fields) for fields in json.loads(line)]
            verb = ledger.post if isinstance(items[0], ledger.Posting) else cards.run
            outcomes = await db.transact(lambda tx, v=verb, i=items: v(tx, book, i))
            told = [o.code if isinstance(o, Refused) else getattr(o, "place", o) for o in outcomes]
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
