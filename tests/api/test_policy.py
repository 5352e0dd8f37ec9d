"""The law over HTTP: listed and explained."""

import pytest

from koudai.policy import shipped_clauses

pytestmark = pytest.mark.anyio


async def test_clauses_are_listed_and_explained(api) -> None:
    listed = (await api.get("/v1/policy/clauses")).json()["data"]
    assert [one["id"] for one in listed] == sorted(shipped_clauses())
    one = (await api.get("/v1/policy/clauses/sp.18.bearer")).json()
    assert one in listed
    assert (one["limit"], one["unit"], one["fact"]) == (100_000, "minor", "balance_after_minor")
    assert one["citation"] == {"en": "MOFCOM Order 2012-9, Art. 18", "zh": "商务部令2012年第9号 第十八条"}


async def test_a_clause_that_is_not_there_is_a_problem(api) -> None:
    answer = await api.get("/v1/policy/clauses/sp.99")
    assert (answer.status_code, answer.json()["code"]) == (404, "policy.unknown_clause")


async def test_the_law_is_told_to_holders_of_a_key(api) -> None:
    answer = await api.client.get("/v1/policy/clauses")
    assert answer.status_code == 401
