"""`koudai policy issuer | pilot | enforce | warn | enforced | log`, on a real database and in both languages."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from koudai.base import CHINA, render_time
from tests.cli.conftest import CHINESE
from tests.programmes.drafts import text_of

WANG = {"name": "王小明", "document_type": "resident_id", "document_number": "11010519491231002X",
        "phone": "13800005678"}  # fmt: skip
ROOMY = {
    "policy": {"pack": "cn-single-purpose", "pilots": ["more-room"]},
    "kinds": {"registered": {"max_balance_minor": None}},
}
BRAND = ("--class", "brand", "--sector", "retail", "--founded-on", "2012-05-01", "--began-on", "2020-01-01",
         "--by", "Li Na")  # fmt: skip


def later(days):
    return render_time(datetime.now(UTC) + timedelta(days=days))


@pytest.fixture
def issuer(koudai, request) -> tuple[str, str]:
    """An issuer of the test's own, as the command names it."""
    name = f"issuer of {request.node.name}"
    koudai.done("key", "create", "till", "--issuer", name)
    return "--issuer", name


def under(koudai, issuer, tmp_path: Path, **changes) -> str:
    """A programme whose document took effect long ago."""
    made = koudai.done("programme", "create", "Tea", "--currency", "CNY", "--number-prefix", "990009", *issuer)["id"]
    file = tmp_path / "tea.yaml"
    file.write_text(text_of(effective_on="2020-01-01", number_prefix="990009", **changes), encoding="utf-8")
    koudai.done("programme", "put", made, str(file), "--by", "Li Na", *issuer)
    return str(made)


def a_card(koudai, issuer, programme, *more) -> str:
    return str(koudai.done("card", "issue", "--programme", programme, *more, *issuer)["cards"][0]["id"])


def load(koudai, issuer, card, minor, *more, language="C", source="transfer"):
    return koudai("card", "load", card, "--amount-minor", str(minor), "--currency", "CNY", "--source", source,
                  *more, *issuer, "--json", language=language)  # fmt: skip


def pilot(koudai, issuer, programme, *more, name="more-room", opens="sp.18.registered", until=None):
    return koudai(
        "policy", "pilot", "open", programme, name, "--opens", opens, "--cap-minor", "1000", "--cap-holders", "5",
        "--until", until or later(30), "--reason", "agreed with the bureau", "--by", "Wu", *more, *issuer, "--json",
    )  # fmt: skip


def test_from_a_clause_that_refuses_to_a_pilot_that_is_used_up(koudai, issuer, tmp_path):
    programme = under(koudai, issuer, tmp_path, **ROOMY)
    holder = koudai.done("holder", "create", "-", *issuer, stdin=json.dumps(WANG))["id"]
    card = a_card(koudai, issuer, programme, "--holder", holder)
    assert load(koudai, issuer, card, 500_000).status == 0
    refused = load(koudai, issuer, card, 1)
    assert (refused.status, refused.error()["clause"], refused.error()["left_minor"]) == (1, "sp.18.registered", 0)
    chinese = load(koudai, issuer, card, 1, language=CHINESE).error()["detail"]
    assert "商务部令2012年第9号 第十八条" in chinese
    assert "目前尚余额度 0.00 CNY" in chinese
    assert koudai.done("policy", "log", *issuer) == {"data": [], "next_cursor": None}

    opened = pilot(koudai, issuer, programme, "--key", "p1").json()
    assert (opened["opens"], opened["used_minor"], opened["has_ended"]) == (["sp.18.registered"], 0, False)
    assert opened["currency"] == "CNY"
    again = pilot(koudai, issuer, programme, "--key", "p1", until=opened["until"])
    assert (again.status, again.json()) == (0, opened)
    loaded = [load(koudai, issuer, card, minor).json()["id"] for minor in (600, 400)]
    assert load(koudai, issuer, card, 1).error()["clause"] == "sp.18.registered", "it is used up"

    (shown,) = koudai.done("policy", "pilot", "list", *issuer)["data"]
    assert (shown["used_minor"], shown["holders"], shown["has_ended"]) == (1_000, 1, False)
    told = " ".join(koudai("policy", "pilot", "list", *issuer, language=CHINESE).out.split())
    assert f"{programme} more-room sp.18.registered 10.00 CNY 10.00 CNY 1 5" in told
    assert "已用金额" in told

    first = koudai.done("policy", "log", "--limit", "1", *issuer)
    rest = koudai.done("policy", "log", "--after", first["next_cursor"], *issuer)
    assert [one["activity_id"] for one in first["data"] + rest["data"]] == loaded
    assert rest["next_cursor"] is None
    assert first["data"][0]["points"] == [
        # On the day of its issue a load is the purchase of the card, too.
        {"gift_card_id": card, "point": point, "pack": "cn-single-purpose", "noted": [],
         "pilots": [{"pilot": "more-room", "clauses": ["sp.18.registered"]}]}
        for point in ("issue", "load")
    ]  # fmt: skip
    table = koudai("policy", "log", "--limit", "1", *issuer)
    assert "more-room: sp.18.registered" in table.out
    assert first["next_cursor"] in table.err

    koudai.done("clock", "advance", "--by", "31d", *issuer)
    assert koudai.done("policy", "pilot", "list", *issuer)["data"][0]["has_ended"] is True


def test_what_the_issuer_is_and_was(koudai, issuer):
    shown = koudai("policy", "issuer", "show", *issuer)
    assert shown.out == "Nobody has stated what the issuer is: koudai policy issuer state\n"
    assert koudai.done("policy", "issuer", "show", *issuer) == {"current": None, "earlier": []}
    first = koudai.done("policy", "issuer", "state", *BRAND, "--revenue-minor", "800000", "--key", "i1", *issuer)
    assert koudai.done(
        "policy", "issuer", "state", *BRAND, "--revenue-minor", "800000", "--key", "i1", *issuer
    ) == first  # fmt: skip
    second = koudai.done("policy", "issuer", "state", *BRAND, "--sales-stopped", "--no-refund", *issuer)
    told = koudai.done("policy", "issuer", "show", *issuer)
    assert {**told["current"], "idempotency_key": second["idempotency_key"]} == second
    assert [{**one, "idempotency_key": "i1"} for one in told["earlier"]] == [first]
    assert (second["sales_stopped"], second["no_passing"], second["founded_on"]) == (True, False, "2012-05-01")
    text = koudai("policy", "issuer", "show", *issuer, language=CHINESE).out
    assert "企业类型" in text
    assert "2012-05-01" in text


def test_an_unverified_clause_is_noted_until_it_is_enforced(koudai, issuer, tmp_path):
    today = datetime.now(CHINA).date().isoformat()
    koudai.done("policy", "issuer", "state", "--class", "other", "--sector", "retail", "--founded-on", today,
                "--began-on", today, "--capital-minor", "100", "--by", "Li Na", *issuer)  # fmt: skip
    programme = under(koudai, issuer, tmp_path, kinds={"registered": None, "bearer": {"max_balance_minor": 100_000}})
    card = a_card(koudai, issuer, programme)
    assert load(koudai, issuer, card, 201, "--payer", "tom").status == 0
    (noted,) = koudai.done("policy", "log", *issuer)["data"]
    assert [(point["point"], point["noted"]) for point in noted["points"]] == [
        ("issue", ["sp.25.young"]), ("load", ["sp.25.young"]),
    ]  # fmt: skip
    assert "Every unverified clause only warns." in koudai("policy", "enforced", *issuer).out
    assert koudai.done("policy", "check", programme, *issuer)["kinds"]["bearer"]["enforced"] == []

    wish = ("sp.25.young", "--reason", "counsel has read it", "--by", "Wu", *issuer)
    decided = koudai.done("policy", "enforce", *wish)
    assert (decided["clause"], decided["refuses"], decided["decided_by"]) == ("sp.25.young", True, "Wu")
    assert load(koudai, issuer, card, 1, "--payer", "tom").error()["clause"] == "sp.25.young"
    assert koudai.done("policy", "check", programme, *issuer)["kinds"]["bearer"]["enforced"] == ["sp.25.young"]
    rows = koudai("policy", "check", programme, *issuer).out.splitlines()
    assert next(row for row in rows if "sp.25.young" in row).endswith("unverified, and enforced")
    assert "已启用拒绝：sp.25.young。" in koudai("policy", "enforced", *issuer, language=CHINESE).out

    koudai.done("policy", "warn", *wish)
    assert load(koudai, issuer, card, 1, "--payer", "tom").status == 0
    told = koudai.done("policy", "enforced", *issuer)
    assert (told["enforced"], [one["refuses"] for one in told["data"]]) == ([], [False, True])


def test_what_may_not_be_is_refused_in_words(koudai, issuer, tmp_path):
    programme = under(koudai, issuer, tmp_path, **ROOMY)
    table = [
        ({"name": "other"}, "programmes.pilot_not_named"),
        ({"opens": "sp.18.bearer_root"}, "policy.pilot_statutory"),
        ({"opens": "sp.99"}, "policy.unknown_clause"),
        ({"until": "2020-01-01T00:00:00Z"}, "policy.pilot_ended"),
    ]
    for changes, code in table:
        told = pilot(koudai, issuer, programme, **changes)
        assert (told.status, told.error()["code"]) == (1, code)
    assert pilot(koudai, issuer, "prgm_" + "0" * 32).error()["code"] == "cards.unknown_programme"
    told = koudai("policy", "enforce", "sp.18.bearer", "--reason", "so", "--by", "Wu", *issuer, language=CHINESE)
    assert told.status == 1
    assert "并非因来源未核实而仅警告的条款" in told.err
    told = koudai("policy", "issuer", "state", *BRAND[:-4], "--began-on", "2199-01-01", "--by", "Wu", *issuer, "--json")
    assert (told.error()["code"], told.error()["field"]) == ("programmes.bad_day", "began_on")


@pytest.mark.parametrize(
    ("arguments", "code", "option"),
    [
        (("issuer", "state", *BRAND[2:]), "cli.missing", "--class"),
        (("issuer", "state", "--class", "shop"), "cli.not_a_choice", "--class"),
        (("issuer", "state", "--founded-on", "2012-02-30"), "cli.not_a_day", "--founded-on"),
        (("issuer", "state", "--began-on", "20120201"), "cli.not_a_day", "--began-on"),
        (("issuer", "state", "--revenue-minor", "0"), "cli.amount_not_positive", "--revenue-minor"),
        (("pilot", "open", "prgm_1", "x"), "cli.not_an_id", "PROGRAMME_ID"),
        (("pilot", "open", "prgm_" + "0" * 32, "x", "--until", "2027-01-01"), "cli.not_a_time", "--until"),
        (("enforce", "sp.25.young", "--reason", " "), "cli.not_text", "--reason"),
        (("warn", "sp.25.young", "--reason", "so"), "cli.missing", "--by"),
        (("log", "--after", "gact_" + "0" * 32), "cli.not_an_id", "--after"),
        (("log", "--limit", "0"), "cli.not_in_range", "--limit"),
    ],
)
def test_a_wrong_option_is_named(koudai, arguments, code, option):
    told = koudai("policy", *arguments, "--json")
    assert told.status == 2
    assert (told.error()["code"], told.error()["option"]) == (code, option)


def test_where_a_card_is_loaded_is_told_to_the_law(koudai, issuer, tmp_path):
    programme = under(koudai, issuer, tmp_path, kinds={"registered": {"max_balance_minor": None}})
    holder = koudai.done("holder", "create", "-", *issuer, stdin=json.dumps(WANG))["id"]
    card = a_card(koudai, issuer, programme, "--holder", holder)
    for channel in ((), ("--channel", "remote")):
        assert load(koudai, issuer, card, 100, *channel, source="cash").error()["clause"] == "sp.16.remote_cash"
    assert load(koudai, issuer, card, 100, "--channel", "counter", source="cash").status == 0
    assert load(koudai, issuer, card, 100, "--channel", "street").error()["option"] == "--channel"


def test_the_howto_of_a_pilot_runs_on_a_programme_that_is_live(koudai, issuer, tmp_path):
    """docs/howto/open-a-pilot.md, step by step."""
    lawful = {"kinds": {"registered": {"max_balance_minor": 500_000}}}
    programme = under(koudai, issuer, tmp_path, **lawful)
    for gate in ("filing", "terms", "custody"):
        koudai.done("programme", "gate", programme, gate, "001", "--by", "Li Na", *issuer)
    koudai.done("programme", "launch", programme, "--by", "Wu", *issuer)

    def put(day, **changes):
        file = tmp_path / f"{day}.yaml"
        file.write_text(text_of(effective_on=day, number_prefix="990009", **changes), encoding="utf-8")
        return koudai("programme", "put", programme, str(file), "--by", "Li Na", *issuer, "--json")

    more = {**ROOMY, "kinds": {"registered": {"max_balance_minor": 600_000}}}
    assert put("2021-01-01", **more).error()["clause"] == "sp.18.registered"
    assert put("2021-01-01", **{**ROOMY, **lawful}).status == 0
    assert pilot(koudai, issuer, programme).status == 0
    assert put("2022-01-01", **more).status == 0
    checked = koudai("policy", "check", programme, *issuer, "--json")
    told = checked.json()["kinds"]["registered"]
    assert (checked.status, told["opened_by"]) == (0, {"sp.18.registered": "more-room"})
    assert told["violations"] == [{"clause": "sp.18.registered", "fact": "balance_after_minor", "refused": False}]
    assert "opened by pilot more-room" in koudai("policy", "check", programme, *issuer).out
    holder = koudai.done("holder", "create", "-", *issuer, stdin=json.dumps(WANG))["id"]
    card = a_card(koudai, issuer, programme, "--holder", holder)
    assert [load(koudai, issuer, card, minor).status for minor in (500_000, 500)] == [0, 0]
    (marked,) = koudai.done("policy", "log", *issuer)["data"]
    assert [point["point"] for point in marked["points"]] == ["issue", "load"]

    koudai.done("clock", "advance", "--by", "31d", *issuer)
    assert load(koudai, issuer, card, 1).error()["clause"] == "sp.18.registered"
    assert koudai("policy", "check", programme, *issuer, "--json").status == 1
    assert put("2023-01-01", **more).error()["clause"] == "sp.18.registered"
