"""Documents of programmes through the API before anything is put: checked, compared, judged by the law."""

import threading

import pytest

from koudai.identity import Scope
from koudai.programmes import check, shipped_names, shipped_text

pytestmark = pytest.mark.anyio


async def put(api, path, body):
    answer = await api.post(path, body)
    assert answer.status_code == 201, answer.text


SHOP, GROCER = shipped_text("phone-shop"), shipped_text("city-grocer")


async def test_a_good_document_says_what_it_declares(api):
    answer = await api.post("/v1/programmes/check", {"document": SHOP})
    told = answer.json()
    assert (answer.status_code, told["valid"], told["mistakes"]) == (200, True, [])
    assert (told["declared"]["currency"], told["declared"]["class"]) == ("CNY", "single_purpose")


async def test_all_mistakes_have_their_place_and_a_sentence_in_the_callers_language(api):
    bad = SHOP.replace("currency: CNY", "currency: YUA")
    answer = await api.post("/v1/programmes/check", {"document": bad}, headers={"Accept-Language": "zh"})
    told = answer.json()
    assert (answer.status_code, told["valid"], told["declared"]) == (200, False, {})
    (one,) = told["mistakes"]
    line = SHOP.splitlines().index("currency: CNY") + 1
    assert (one["code"], one["path"], one["line"]) == ("programmes.unknown_currency", "currency", line)
    assert one["detail"].startswith("没有币种 YUA")


async def test_shipped_programmes_are_listed_and_shown(api):
    listed = (await api.get("/v1/shipped_programmes")).json()["data"]
    assert [one["name"] for one in listed] == shipped_names()
    grocer = next(one for one in listed if one["name"] == "city-grocer")
    assert (grocer["class"], grocer["pack"], grocer["sandbox_only"]) == ("single_purpose", "cn-single-purpose", False)
    assert (await api.get("/v1/shipped_programmes/city-grocer")).json() == {"name": "city-grocer", "document": GROCER}
    assert (await api.get("/v1/shipped_programmes/nothing")).status_code == 404


async def test_two_programmes_are_compared_wherever_they_are_from(api):
    programme = await api.programme(number_prefix="990001")
    await put(api, f"/v1/programmes/{programme}/versions", {"document": SHOP})
    tighter = SHOP.replace("max_minor: 500000", "max_minor: 400000")
    assert tighter != SHOP
    for before in ({"from": "shipped", "name": "phone-shop"}, {"from": "version", "programme_id": programme},
                   {"from": "version", "programme_id": programme, "effective_on": "2026-01-01"}):  # fmt: skip
        pair = {"before": before, "after": {"from": "document", "document": tighter}}
        answer = await api.post("/v1/programmes/diff", pair)
        assert answer.status_code == 200, answer.text
        changes = answer.json()["changes"]
        assert changes, before
        assert {(one["effect"], one["before"], one["after"]) for one in changes} == {("tightens", 500_000, 400_000)}
    same = {"before": {"from": "document", "document": SHOP}, "after": {"from": "shipped", "name": "phone-shop"}}
    assert (await api.post("/v1/programmes/diff", same)).json() == {"changes": []}


NOBODY = "prgm_" + "0" * 32


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        ({"from": "shipped", "name": "phone-shp"}, 422, "api.invalid"),
        ({"from": "version", "programme_id": NOBODY}, 404, "api.not_found"),
        ({"from": "version", "programme_id": "mine"}, 404, "programmes.unknown_version"),
        ({"from": "document", "document": "name: [tea"}, 422, "programmes.not_valid"),
        ({"from": "paper", "document": SHOP}, 422, "api.invalid"),
        ({"document": SHOP}, 422, "api.invalid"),
    ],
)
async def test_what_names_no_programme_is_told_with_its_field(api, source, status, code):
    if source.get("programme_id") == "mine":
        source = {**source, "programme_id": await api.programme()}
    good = {"from": "shipped", "name": "generic"}
    for path, body, field in (
        ("/v1/programmes/diff", {"before": good, "after": source}, "after"),
        ("/v1/programmes/diff", {"before": source, "after": good}, "before"),
        ("/v1/policy/check", source, ""),
    ):
        answer = await api.post(path, body)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (status, code), answer.text
        if code == "programmes.not_valid":
            assert told["facts"]["field"] == ".".join(filter(None, (field, "document")))
            assert told["facts"]["mistakes"][0]["detail"]
        if code == "api.invalid":
            assert told["errors"][0]["field"].startswith(field), told


async def test_the_law_of_a_document_is_told_before_it_is_put(api):
    over = GROCER.replace("max_balance_minor: 100000", "max_balance_minor: 200000")
    assert over != GROCER
    answer = await api.post("/v1/policy/check", {"from": "document", "document": over})
    told = answer.json()
    assert (answer.status_code, told["pack"], told["gates"]) == (
        200,
        "cn-single-purpose",
        ["filing", "terms", "custody"],
    )
    broken = {one["clause"]: one for one in told["kinds"]["bearer"]["violations"]}
    assert broken["sp.18.bearer"] == {"clause": "sp.18.bearer", "fact": "balance_after_minor", "refused": True}
    assert "sp.18.bearer" in told["kinds"]["bearer"]["applies"]
    good = (await api.post("/v1/policy/check", {"from": "shipped", "name": "city-grocer"})).json()
    assert not any(one["refused"] for kind in good["kinds"].values() for one in kind["violations"])


async def test_of_a_stored_version_decisions_and_pilots_are_told(api):
    programme = await api.programme(number_prefix="990004")
    named = GROCER.replace("pack: cn-single-purpose", "pack: cn-single-purpose\n  pilots: [more-room]")
    assert named != GROCER
    await put(api, f"/v1/programmes/{programme}/versions", {"document": named})
    source = {"from": "version", "programme_id": programme}
    before = (await api.post("/v1/policy/check", source)).json()["kinds"]["registered"]
    assert (before["enforced"], before["opened_by"]) == ([], {})
    clause = before["unverified"][0]
    await put(api, "/v1/policy/enforcements", {"clause": clause, "refuses": True, "reason": "Advice of counsel"})
    pilot = {"name": "more-room", "opens": ["sp.18.registered"], "cap_minor": 100, "cap_holders": 1,
             "until": "2199-01-01T00:00:00Z", "reason": "Agreed"}  # fmt: skip
    await put(api, f"/v1/programmes/{programme}/pilots", pilot)
    after = (await api.post("/v1/policy/check", source)).json()["kinds"]["registered"]
    assert (after["enforced"], after["opened_by"]) == ([clause], {"sp.18.registered": "more-room"})
    shipped = (await api.post("/v1/policy/check", {"from": "shipped", "name": "city-grocer"})).json()
    assert shipped["kinds"]["registered"]["enforced"] == [], "nobody decided anything for a document alone"


async def test_it_asks_for_the_right_to_read_programmes(api, new_key):
    key = await new_key(scopes=[Scope.CARDS_READ])
    for path, body in (("check", {"document": SHOP}), ("diff", {})):
        answer = await api.post(f"/v1/programmes/{path}", body, token=key.token)
        assert (answer.status_code, answer.json()["code"]) == (403, "api.scope_missing")


@pytest.mark.parametrize(
    "ask",
    [
        ("/v1/programmes/check", {"document": "name: tea"}),
        ("/v1/policy/check", {"from": "document", "document": SHOP}),
        ("/v1/programmes/diff", {"before": {"from": "document", "document": SHOP}, "after": {"from": "shipped", "name": "generic"}}),
        ("/v1/programmes/{programme}/versions", {"document": SHOP}),
    ],
)  # fmt: skip
async def test_while_a_document_is_read_others_are_served(api, monkeypatch, ask):
    path = ask[0].replace("{programme}", await api.programme(number_prefix="990001"))
    read, threads = check.read, set()

    def noted(*given):
        threads.add(threading.current_thread())
        return read(*given)

    monkeypatch.setattr(check, "read", noted)
    assert (await api.post(path, ask[1])).status_code in (200, 201)
    assert threads
    assert threading.main_thread() not in threads


async def test_of_a_document_full_of_mistakes_a_hundred_are_told_and_all_are_counted(api):
    programme = await api.programme()
    bad = SHOP + "".join(f"x{n}: 1\n" for n in range(300))
    told = (await api.post("/v1/programmes/check", {"document": bad})).json()["mistakes"]
    assert (len(told), told[-1]["code"]) == (101, "documents.more")
    assert told[-1]["detail"].startswith("There are 200 more mistakes")
    refused = (await api.post(f"/v1/programmes/{programme}/versions", {"document": bad})).json()
    assert refused["detail"].startswith("The document has 300 mistakes")
    assert len(refused["facts"]["mistakes"]) == 101


@pytest.mark.parametrize(
    ("written", "code", "path"),
    [
        ('titles: {en: "a\\0b", zh: 茶}', "documents.unwritable", "titles.en"),
        ('titles: {en: "\\ud800", zh: 茶}', "documents.unwritable", "titles.en"),
        ('titles: {en: Tea, zh: 茶, "\\e[1m": x}', "documents.unwritable", "titles"),
        ('titles: {en: Tea, zh: 茶}\neffective_on: "0001-01-01"', "documents.too_small", "effective_on"),
    ],
)
async def test_what_no_database_takes_is_a_mistake_with_its_place(api, written, code, path):
    lines = [line for line in SHOP.splitlines() if not line.startswith(("effective_on", "titles", "  en:", "  zh:"))]
    bad = "\n".join([*lines, written, *(["effective_on: 2026-01-01"] if "effective_on" not in written else [])])
    told = (await api.post("/v1/programmes/check", {"document": bad})).json()
    (one,) = told["mistakes"]
    assert (one["code"], one["path"], one["line"] > 1) == (code, path, True)
    pair = {"before": {"from": "document", "document": bad}, "after": {"from": "shipped", "name": "generic"}}
    assert (await api.post("/v1/programmes/diff", pair)).status_code == 422
    programme = await api.programme(number_prefix="990001")
    put_it = await api.post(f"/v1/programmes/{programme}/versions", {"document": bad})
    assert (put_it.status_code, put_it.json()["code"]) == (422, "programmes.not_valid")
