"""An installation of the tests' own, with an issuer, its keys, and the API driven without a socket."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from koudai import identity
from koudai.api import create_app
from koudai.identity import Mode, NewKey, Scope
from koudai.instance import Instance, open_instance
from koudai.pg import Embedded


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A data directory that the server's unprivileged user may enter; its server runs as long as the tests."""
    path = Path(tempfile.mkdtemp(prefix="kd-api-"))
    path.chmod(0o755)
    try:
        with Embedded(path / "home"):
            yield path / "home"
    finally:
        shutil.rmtree(path)


@pytest.fixture
async def instance(home: Path) -> AsyncIterator[Instance]:
    async with open_instance({"KOUDAI_HOME": str(home)}) as opened:
        yield opened


_names = count(1)


async def make_key(
    instance: Instance, mode: Mode = Mode.TEST, scopes: tuple[Scope, ...] = tuple(Scope), issuer: str | None = None
) -> NewKey:
    """A key of an issuer; of a new one where none is named."""
    name = issuer or f"issuer {next(_names)} of {id(instance)}"

    async def work(tx: Any) -> NewKey:
        side = await identity.find_issuer(tx, name, mode, create=True)
        return await identity.create_key(tx, side, "test", scopes)

    return await instance.db.transact(work)


@dataclass
class Api:
    """The API as a caller sees it: every call has a key of its own unless it is given one."""

    client: httpx.AsyncClient
    token: str
    headers: dict[str, str] = field(default_factory=dict)
    _keys: Iterator[int] = field(default_factory=lambda: count(1))

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, token: str | None = None, **more: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token}", **self.headers, **more.pop("headers", {})}
        if method == "POST":
            headers.setdefault("Idempotency-Key", key or f"auto-{next(self._keys)}")
        if body is not None:
            more["json"] = body
        return await self.client.request(method, path, headers=headers, **more)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.call("GET", path, **more)

    async def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        return await self.call("POST", path, body, **more)

    async def act(self, kind: str, **fields: Any) -> httpx.Response:
        """POST an activity; `key` and `token` may stand among the fields."""
        more = {name: fields.pop(name) for name in ("key", "token", "headers") if name in fields}
        return await self.post("/v1/gift_card_activities", {"type": kind, **fields}, **more)

    async def programme(self, **fields: Any) -> str:
        body = {"name": "Gifts", "currency": "CNY", "number_prefix": "900001", **fields}
        return await self.made("/v1/programmes", body)

    async def merchant(self, name: str = "Tea house", currency: str = "CNY") -> str:
        return await self.made("/v1/merchants", {"name": name, "currency": currency})

    async def card(self, programme: str, **fields: Any) -> dict[str, Any]:
        answer = await self.post("/v1/gift_cards", {"programme_id": programme, **fields})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def loaded(self, programme: str, amount_minor: int, **more: object) -> str:
        """A card with value on it."""
        card = (await self.card(programme))["id"]
        told = {"amount_minor": amount_minor, "currency": "CNY", "source": "transfer", **more}
        answer = await self.act("LOAD", gift_card_id=card, **told)
        assert answer.status_code == 201, answer.text
        return str(card)

    async def made(self, path: str, body: Any) -> str:
        answer = await self.post(path, body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


@asynccontextmanager
async def open_api(instance: Instance, token: str) -> AsyncIterator[Api]:
    """The application with its lifespan, called without a socket."""
    app = create_app(instance)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://koudai") as client,
    ):
        yield Api(client, token)


@pytest.fixture
def new_key(instance: Instance) -> Callable[..., Awaitable[NewKey]]:
    """`await new_key(mode, scopes, issuer)`"""
    return partial(make_key, instance)


@pytest.fixture
def opened() -> Callable[[Instance], AbstractAsyncContextManager[Api]]:
    """`async with opened(instance) as api`: an application of its own, with a new issuer's key."""

    @asynccontextmanager
    async def open_with_key(instance: Instance) -> AsyncIterator[Api]:
        async with open_api(instance, (await make_key(instance)).token) as api:
            yield api

    return open_with_key


@pytest.fixture
async def api(instance: Instance) -> AsyncIterator[Api]:
    key = await make_key(instance)
    async with open_api(instance, key.token) as opened:
        yield opened
