"""Lists: in pages, with opaque cursors, none left out and none twice."""

import pytest

pytestmark = pytest.mark.anyio


async def walk(api, path: str, limit: int) -> list[str]:
    """The ids of all pages."""
    ids, cursor = [], ""
    while cursor is not None:
        joint = "&" if "?" in path else "?"
        page = (await api.get(f"{path}{joint}limit={limit}{cursor and '&cursor='}{cursor}")).json()
        assert len(page["data"]) <= limit
        ids += [thing["id"] for thing in page["data"]]
        cursor = page["next_cursor"]
    return ids


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 200])
async def test_things_are_listed_oldest_first(api, limit) -> None:
    programmes = [await api.programme() for _ in range(5)]
    merchants = [await api.merchant() for _ in range(5)]
    cards = [(await api.card(programmes[0]))["id"] for _ in range(5)]
    assert await walk(api, "/v1/programmes", limit) == programmes
    assert await walk(api, "/v1/merchants", limit) == merchants
    assert await walk(api, "/v1/gift_cards", limit) == cards


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 200])
async def test_a_history_is_listed_newest_first(api, limit) -> None:
    programme = await api.programme()
    card = await api.card(programme, active=False)
    assert card["state"] == "PENDING"
    assert await walk(api, f"/v1/gift_card_activities?gift_card_id={card['id']}", limit) == []
    made = [(await api.act(kind, gift_card_id=card["id"])).json()["id"] for kind in ("ACTIVATE", "BLOCK", "UNBLOCK")]
    other = await api.card(programme)
    assert await walk(api, f"/v1/gift_card_activities?gift_card_id={card['id']}", limit) == made[::-1]
    assert len(await walk(api, f"/v1/gift_card_activities?gift_card_id={other['id']}", limit)) == 1
