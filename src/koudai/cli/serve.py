"""`koudai serve` and `koudai run`: the HTTP API, alone or after the replay of the sample."""

import errno
import ipaddress
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import click

from koudai import identity
from koudai.base import Fault
from koudai.cli.codes import DONE, FAILED, CliFault
from koudai.cli.replay import print_result
from koudai.cli.running import Call, Stopped
from koudai.cli.screen import Progress
from koudai.cli.session import opened
from koudai.cli.speak import note
from koudai.cli.tree import Command
from koudai.cli.values import Text, Whole
from koudai.cli.words import word
from koudai.identity import Mode, NewKey, Scope
from koudai.instance import Instance
from koudai.pg import Tx

_DATASET = "default"
_KEY_NAME = "make run"
_CONNECTIONS = 8

_host = click.option("--host", type=Text(), default="127.0.0.1", metavar="HOST", help=word("opt.host"))
_port = click.option(
    "--port", type=Whole(1, 65535), default=8000, envvar="KOUDAI_PORT", metavar="PORT", help=word("opt.port")
)


@click.command("serve", cls=Command, help=word("help.serve"))
@_host
@_port
@click.pass_obj
def serve(call: Call, host: str, port: int) -> int:
    """Serve the HTTP API until a signal ends it."""
    _check_address(host, port)

    async def work(door: _Door) -> None:
        async with opened(_CONNECTIONS) as instance:
            await door.serve(instance, [word("say.serving", url=_url(host, port))])

    return _Door(call, host, port).until_stopped(work)


@click.command("run", cls=Command, help=word("help.run"))
@_host
@_port
@click.pass_obj
def run(call: Call, host: str, port: int) -> int:
    """Replay the sample that koudai ships, print the result, and serve."""
    _check_address(host, port)

    async def work(door: _Door) -> None:
        async with opened(_CONNECTIONS) as instance:
            with Progress() as progress:
                sample = call.parts.sample_path()
                replayed = await call.parts.replay(instance, sample, _DATASET, progress, only_if_empty=True)
            result = replayed.to_json()
            print_result(result)
            if not result["verified"]:
                note(word("say.run_verify"))
                door.status = FAILED
                return
            issuer = call.parts.issuer_of(_DATASET)
            made = await instance.db.transact(lambda tx: _fresh_key(tx, issuer))
            await door.serve(instance, _welcome(_url(host, port), made))

    return _Door(call, host, port).until_stopped(work)


class _Door:
    """The HTTP server between its first request and the signal that ends it."""

    def __init__(self, call: Call, host: str, port: int) -> None:
        self._call = call
        self._host = host
        self._port = port
        self._open = False
        self.status = DONE

    def until_stopped(self, work: Callable[["_Door"], Coroutine[Any, Any, None]]) -> int:
        """Run what serves; a signal is the way in which it ends well, once it serves."""
        try:
            self._call.run(work(self))
        except Stopped:
            if not self._open:
                raise
            note(word("say.stopped"))
        return self.status

    async def serve(self, instance: Instance, welcome: Sequence[str]) -> None:
        """Serve until it ends, greeting once it answers."""

        def ready(*_: object) -> None:
            self._open = True
            for line in welcome:
                print(line, flush=True)

        await self._call.parts.serve(instance, self._host, self._port, ready)
        note(word("say.stopped"))


def _check_address(host: str, port: int) -> None:
    """Find out before any work whether the address can be listened on; warn when others reach it."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except (OSError, UnicodeError) as problem:
        if isinstance(problem, OSError) and problem.errno == errno.EADDRINUSE:
            raise Fault(CliFault.PORT_TAKEN, host=host, port=port) from problem
        reason = (getattr(problem, "strerror", None) or str(problem)).partition(" (while")[0]
        raise Fault(CliFault.ADDRESS_UNUSABLE, host=host, port=port, reason=reason) from problem
    if not _is_loopback(host):
        note(word("say.no_tls", host=host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _fresh_key(tx: Tx, issuer: str) -> NewKey:
    """A new key of the sample's issuer; earlier ones are ended, since nobody can be shown them again."""
    side = await identity.find_issuer(tx, issuer, Mode.TEST, create=True)
    assert side is not None
    for old in await identity.list_keys(tx):
        if (old.issuer, old.mode, old.name, old.revoked_at) == (issuer, Mode.TEST, _KEY_NAME, None):
            await identity.revoke_key(tx, old.id)
    return await identity.create_key(tx, side, _KEY_NAME, Scope)


def _welcome(url: str, made: NewKey) -> list[str]:
    return [
        word("say.open", url=f"{url}/docs"),
        word("say.try_key", token=made.token),
        f"  curl -H 'Authorization: Bearer {made.token}' {url}/v1/merchants",
    ]
