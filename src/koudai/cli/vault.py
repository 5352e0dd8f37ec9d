"""`koudai vault`: the keys that personal data is sealed with, changed while the system runs."""

import os
from typing import Any

import click

from koudai import identity, privacy
from koudai.base import render_time
from koudai.cli.options import as_json
from koudai.cli.running import Call
from koudai.cli.screen import Progress, print_table
from koudai.cli.session import opened
from koudai.cli.speak import note, print_json
from koudai.cli.tree import Group
from koudai.cli.words import word
from koudai.instance import keyring_path
from koudai.pg import Tx

_COLUMNS = ("id", "state", "created_at", "count")

vault = Group("vault", help=word("help.vault"), no_args_is_help=True)


@vault.command("list", help=word("help.vault_list"))
@as_json
@click.pass_obj
def list_all(call: Call, as_json: bool) -> None:
    """Show the vault's keys by fingerprint, and how much is sealed under each."""

    async def work() -> list[dict[str, Any]]:
        async with opened() as instance:

            async def read(tx: Tx) -> list[dict[str, Any]]:
                await identity.current_vault_key(tx, instance.vault)
                counts = await privacy.count_by_key(tx)
                return [
                    {
                        "id": key.fingerprint,
                        "state": key.state,
                        "created_at": render_time(key.added_at),
                        "count": counts.get(key.fingerprint, 0),
                    }
                    for key in await identity.list_vault_keys(tx)
                ]

            return await instance.db.transact(read)

    keys = call.run(work())
    if as_json:
        print_json({"data": keys})
    else:
        headings = [word(f"head.{name}") for name in _COLUMNS]
        print_table(headings, ([str(key[name]) for name in _COLUMNS] for key in keys), numbers=(3,))


@vault.command("add", help=word("help.vault_add"))
@as_json
@click.pass_obj
def add(call: Call, as_json: bool) -> None:
    """Add a key to the keyring's file; nothing is sealed with it yet."""
    path = keyring_path(os.environ)

    async def work() -> str:
        async with opened() as instance:
            return await instance.db.transact(lambda tx: identity.add_vault_key(tx, instance.vault, path))

    made = call.run(work())
    if as_json:
        print_json({"id": made, "path": str(path)})
    else:
        print(word("say.vault_added", key=made, path=path))


@vault.command("rotate", help=word("help.vault_rotate"))
@as_json
@click.pass_obj
def rotate(call: Call, as_json: bool) -> None:
    """Seal with the added key from now on, and what is sealed otherwise anew."""

    async def work() -> tuple[str, int]:
        with Progress() as progress:
            async with opened() as instance:
                key = await instance.db.transact(lambda tx: identity.use_vault_key(tx, instance.vault))
                done = await privacy.reseal(
                    instance.db, instance.vault, lambda done, total: progress("reseal", done, total)
                )
                return key, done

    key, done = call.run(work())
    if as_json:
        print_json({"id": key, "resealed": done})
    else:
        print(word("say.vault_rotated", key=key, count=f"{done:,}"))


@vault.command("retire", help=word("help.vault_retire"))
@as_json
@click.pass_obj
def retire(call: Call, as_json: bool) -> None:
    """Put old keys out of force, and take them out of the keyring's file."""
    path = keyring_path(os.environ)

    async def work() -> list[str]:
        async with opened() as instance:
            gone = await instance.db.transact(lambda tx: privacy.retire(tx, instance.vault))
            # All that ever were: an earlier attempt may have ended between the database and the file.
            identity.drop_vault_keys(path, await instance.db.transact(identity.retired_vault_keys))
            return gone

    gone = call.run(work())
    if as_json:
        print_json({"retired": gone})
    else:
        print(word("say.vault_retired", keys=", ".join(gone) or "-"))
        note(word("say.vault_backups"))
