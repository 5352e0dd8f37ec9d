"""A sequencer in a process of its own, which stops where it was told to and waits to be killed.

Called with the application's connection string. It says `taken` when it has given all that is in line its
leaves in a transaction that it never commits.
"""

import asyncio
import sys

from koudai import proof
from koudai.pg import Database, Target


async def main(conninfo: str) -> None:
    async with Database(Target(conninfo, conninfo), max_size=1) as db, db.transaction() as tx:
        got = await proof.sequence(tx)
        print("taken", got, flush=True)
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
