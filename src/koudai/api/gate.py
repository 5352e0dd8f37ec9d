"""The gate: who is calling, and what the key may do."""

from collections.abc import Iterable
from hashlib import sha256

from koudai.api.problems import ApiProblem, Problem
from koudai.api.throttle import Throttle
from koudai.identity import Principal, Scope, authenticate, good_keys
from koudai.pg import Database, Tx

_REMEMBERED = 10_000


class Gate:
    """Remembers who a presented token belongs to, by the token's digest, and who sends wrong pay codes.

    That the key is still in force is never taken from memory: each transaction asks again, so a
    revoked key does nothing after its revocation.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[bytes, Principal] = {}
        self.codes = Throttle()

    async def identify(self, authorization: bytes | None) -> Principal:
        """Who presents this Authorization header. Raises Problem when it is nobody."""
        if authorization is None:
            raise Problem(ApiProblem.UNAUTHENTICATED)
        principal = self.remembered(authorization)
        if principal is None:
            scheme, _, token = authorization.decode("latin-1").partition(" ")
            if scheme.lower() != "bearer":
                raise Problem(ApiProblem.UNAUTHENTICATED)
            principal = await self._db.transact(lambda tx: authenticate(tx, token.strip()))
            if principal is None:
                raise Problem(ApiProblem.UNAUTHENTICATED)
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[sha256(authorization).digest()] = principal
        return principal

    def remembered(self, authorization: bytes | None) -> Principal | None:
        """Who presented this Authorization header before, or None when nobody did that is still remembered."""
        return None if authorization is None else self._known.get(sha256(authorization).digest())

    def forget(self, key_ids: Iterable[str]) -> None:
        """Forget keys that are no longer in force."""
        ended = set(key_ids)
        self._known = {digest: p for digest, p in self._known.items() if p.key_id not in ended}

    async def check(self, tx: Tx, principal: Principal) -> None:
        """Raise Problem when the key is not in force any more, as this transaction sees it."""
        if principal.key_id not in await good_keys(tx, [principal.key_id]):
            self.forget([principal.key_id])
            raise Problem(ApiProblem.UNAUTHENTICATED)


def require(principal: Principal, scope: Scope) -> None:
    """Raise Problem, naming the scope, when the key doesn't have it."""
    if scope not in principal.scopes:
        raise Problem(ApiProblem.SCOPE_MISSING, {"scope": str(scope)})
