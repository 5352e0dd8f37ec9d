"""Wrong words: exit 2 with a sentence that names the option, before anything is opened."""

import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from koudai.cli import Parts, run_cli, words

CARD = "gftc_" + "0" * 32
MERCHANT = "mrch_" + "0" * 32
PROGRAMME = "prgm_" + "0" * 32
WRONG_DIGIT = "9900004436685896776"
ACTIVITY = "gact_" + "0" * 32
MAKE = ("programme", "create", "Gold", "--currency", "GBP", "--limit")
LOAD = ("card", "load", CARD, "--currency", "GBP", "--source", "cash", "--amount-minor")


def nothing(*_: Any, **__: Any) -> Any:
    pytest.fail("a wrong command line went on")


def never(main: Coroutine[Any, Any, Any]) -> Any:
    main.close()
    pytest.fail("a wrong command line opened the installation")


PARTS = Parts(nothing, nothing, nothing, nothing, nothing, nothing, nothing, never)

# arguments, code, what the sentence names
TABLE = [
    ((*LOAD, "-5"), "cli.amount_not_positive", "--amount-minor"),
    ((*LOAD, "0"), "cli.amount_not_positive", "--amount-minor"),
    ((*LOAD, "-0"), "cli.amount_not_positive", "--amount-minor"),
    ((*LOAD, "12.50"), "cli.amount_not_whole", "--amount-minor"),
    ((*LOAD, "1,000"), "cli.amount_not_whole", "--amount-minor"),
    ((*LOAD, "1e3"), "cli.amount_not_whole", "--amount-minor"),
    ((*LOAD, "١٢"), "cli.amount_not_whole", "--amount-minor"),
    ((*LOAD, "much"), "cli.amount_not_whole", "--amount-minor"),
    ((*LOAD, ""), "cli.amount_not_whole", "--amount-minor"),
    ((*LOAD, "9223372036854775808"), "cli.amount_too_large", "--amount-minor"),
    ((*LOAD, "9" * 5000), "cli.amount_too_large", "--amount-minor"),
    ((*LOAD, "5", "--source", "luck"), "cli.not_a_choice", "--source"),
    ((*LOAD, "5", "--currency", "XXX"), "cli.unknown_currency", "--currency"),
    ((*LOAD, "5", "--currency", "gbp"), "cli.unknown_currency", "--currency"),
    ((*LOAD, "5", "--mode", "dead"), "cli.not_a_choice", "--mode"),
    ((*LOAD, "5", "--issuer", " "), "cli.not_text", "--issuer"),
    ((*LOAD, "5", "--key", "口袋"), "cli.not_a_key", "--key"),
    ((*LOAD, "5", "--key", "x" * 256), "cli.not_a_key", "--key"),
    ((*LOAD, "5", "more"), "cli.extra", "more"),
    ((*LOAD,), "cli.no_value", "--amount-minor"),
    (("card", "load", CARD, "--currency", "GBP", "--source", "cash"), "cli.missing", "--amount-minor"),
    (("card", "show"), "cli.missing", "CARD"),
    (("card", "show", WRONG_DIGIT), "cli.check_digit", "CARD"),
    (("card", "show", WRONG_DIGIT[:-1]), "cli.not_a_card", "CARD"),
    (("card", "show", "gftc_12"), "cli.not_a_card", "CARD"),
    (("card", "show", MERCHANT), "cli.not_a_card", "CARD"),
    (("card", "show", CARD, "--limit", "5"), "cli.no_such_option", "--limit"),
    (("card", "show", CARD, "--json=yes"), "cli.needless_value", "--json"),
    (("card", "melt", CARD), "cli.no_such_command", "melt"),
    (("melt",), "cli.no_such_command", "melt"),
    (("--melt",), "cli.no_such_option", "--melt"),
    (("card", "activities", CARD, "--limit", "0"), "cli.not_in_range", "--limit"),
    (("card", "activities", CARD, "--from", CARD), "cli.not_an_id", "--from"),
    (("card", "refund", CARD, "--amount-minor", "5", "--currency", "GBP"), "cli.refund_names", "--redemption"),
    (("card", "reverse"), "cli.reverse_names", "--redemption-key"),
    (("card", "issue", "--programme", "gold"), "cli.not_an_id", "--programme"),
    (("card", "issue", "--programme", PROGRAMME, "--count", "0"), "cli.not_in_range", "--count"),
    (("card", "issue", "--programme", PROGRAMME, "--count", "1.5"), "cli.not_in_range", "--count"),
    (("card", "issue", "--programme", PROGRAMME, "--out", __file__), "cli.file_exists", "--out"),
    (("programme", "create", "Gold", "--currency", "GBP", "--number-prefix", "411111"), "cli.not_a_prefix",
     "--number-prefix"),
    (("programme", "create", "Gold", "--currency", "GBP", "--max-load-minor", "0"), "cli.amount_not_positive",
     "--max-load-minor"),
    ((*MAKE, "redeem card"), "cli.limit_form", "FLOW WHO PER"),
    ((*MAKE, ""), "cli.limit_form", "--limit"),
    ((*MAKE, "redeem card day max 5"), "cli.limit_form", "max"),
    ((*MAKE, "redeem card day most=5"), "cli.limit_form", "most=5"),
    ((*MAKE, "redeem card day max=5 max=6"), "cli.limit_form", "max=6"),
    ((*MAKE, "spend card day max=5"), "cli.not_a_choice", "--limit FLOW"),
    ((*MAKE, "redeem moon day max=5"), "cli.not_a_choice", "--limit WHO"),
    ((*MAKE, "redeem card week max=5"), "cli.not_a_choice", "--limit PER"),
    ((*MAKE, "redeem card day max=12.50"), "cli.amount_not_whole", "--limit max="),
    ((*MAKE, "redeem card day max=-5"), "cli.amount_not_positive", "--limit max="),
    ((*MAKE, "redeem card day count=many"), "cli.not_in_range", "--limit count="),
    ((*MAKE, "redeem card rolling max=5 window=24"), "cli.not_a_duration", "--limit window="),
    ((*MAKE, "redeem card rolling max=5 window=367d"), "cli.not_a_duration", "--limit window="),
    ((*MAKE, "redeem card rolling max=5"), "cli.limit_field", "window="),
    ((*MAKE, "redeem card day max=5 window=24h"), "cli.limit_field", "window="),
    ((*MAKE, "redeem card rolling max=5 window=59s"), "cli.limit_field", "window="),
    ((*MAKE, "redeem card+card day max=5"), "cli.limit_field", "WHO"),
    ((*MAKE, "load device balance max=5"), "cli.limit_field", "WHO"),
    ((*MAKE, "redeem card day min=5"), "cli.limit_field", "min="),
    ((*MAKE, "load card transaction count=5"), "cli.limit_field", "count="),
    ((*MAKE, "redeem card day"), "cli.limit_field", "max="),
    ((*MAKE[:-1], "--draw-order", "random"), "cli.not_a_choice", "--draw-order"),
    (("card", "authorise", CARD, "--merchant", MERCHANT, "--amount-minor", "5", "--currency", "GBP", "--ttl", "0s"),
     "cli.not_a_duration", "--ttl"),
    (("card", "authorise", CARD, "--merchant", MERCHANT, "--amount-minor", "5", "--currency", "GBP", "--ttl", "1y"),
     "cli.not_a_duration", "--ttl"),
    (("card", "authorise", CARD, "--amount-minor", "5", "--currency", "GBP"), "cli.missing", "--merchant"),
    (("card", "capture"), "cli.hold_names", "--hold"),
    (("card", "capture", "--hold", ACTIVITY, "--group", "g"), "cli.hold_names", "--group"),
    (("card", "capture", "--hold", ACTIVITY, "--amount-minor", "-1"), "cli.amount_not_positive", "--amount-minor"),
    (("card", "void"), "cli.hold_names", "--hold"),
    (("card", "void", "--hold", CARD), "cli.not_an_id", "--hold"),
    (("clock", "advance"), "cli.clock_names", "--by"),
    (("clock", "advance", "--to", "2027-01-31T00:00:00Z", "--by", "1d"), "cli.clock_names", "--to"),
    (("clock", "advance", "--to", "tomorrow"), "cli.not_a_time", "--to"),
    (("clock", "advance", "--to", "2027-01-31T00:00:00"), "cli.not_a_time", "--to"),
    (("clock", "advance", "--by", "a while"), "cli.not_a_duration", "--by"),
    (("programme", "create", "", "--currency", "GBP"), "cli.not_text", "NAME"),
    (("merchant", "add", "a\nb", "--currency", "GBP"), "cli.not_text", "NAME"),
    (("merchant", "add", "a\udcff", "--currency", "GBP"), "cli.not_text", "NAME"),
    (("merchant", "show", CARD), "cli.not_an_id", "MERCHANT"),
    (("key", "create", "till", "--scope", "cards:melt"), "cli.not_a_choice", "--scope"),
    (("key", "rotate", "0123", "--overlap-hours", "-1"), "cli.not_in_range", "--overlap-hours"),
    (("serve", "--port", "0"), "cli.not_in_range", "--port"),
    (("serve", "--port", "65536"), "cli.not_in_range", "--port"),
    (("replay",), "cli.missing", "FILE"),
    (("bench", "ledger", "--rounds", "none"), "cli.not_in_range", "--rounds"),
    (("bench", "ledger", "--only", "luck"), "cli.not_a_choice", "--only"),
    (("bench", "ledger", "--scale-transfers", "1e7"), "cli.not_in_range", "--scale-transfers"),
    (("bench", "read", "--transfers", "0"), "cli.not_in_range", "--transfers"),
]  # fmt: skip


@pytest.mark.parametrize("language", ["C", "zh_CN.UTF-8"])
@pytest.mark.parametrize(("arguments", "code", "names"), TABLE, ids=[" ".join(row[0])[:60] for row in TABLE])
def test_one_sentence_and_exit_2(
    arguments: tuple[str, ...],
    code: str,
    names: str,
    language: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    words.language.cache_clear()
    try:
        assert run_cli(arguments, PARTS) == 2
        said = capfd.readouterr()
        assert said.out == ""
        told = said.err.splitlines()
        sentence = next(line for line in told if line.startswith("koudai: "))
        assert sentence.endswith(f"[{code}]")
        assert names in sentence
        assert len(sentence) < 600
        assert any("\u4e00" <= character <= "\u9fff" for character in sentence) is language.startswith("zh")

        assert run_cli((*arguments, "--json"), PARTS) == 2
        assert json.loads(capfd.readouterr().out)["error"]["detail"]
    finally:
        words.language.cache_clear()


def test_a_mistyped_number_is_not_repeated(capfd: pytest.CaptureFixture[str]) -> None:
    for number in (WRONG_DIGIT, WRONG_DIGIT[:-1]):
        run_cli(("card", "show", number, "--json"), PARTS)
        said = capfd.readouterr()
        assert number not in said.out + said.err


def test_a_file_in_the_way_is_left_as_it_is() -> None:
    before = Path(__file__).read_bytes()
    assert run_cli(("card", "issue", "--programme", PROGRAMME, "--out", __file__), PARTS) == 2
    assert Path(__file__).read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("card", "--help"),
        ("card", "load", "--help"),
        ("programme", "create", "--help"),
        ("clock", "advance", "--help"),
        ("--version",),
    ],
)
def test_help_is_no_error(arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(arguments, PARTS) == 0
    assert capfd.readouterr().out


def test_no_command_is_help_and_exit_2(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli((), PARTS) == 2
    assert "serve" in capfd.readouterr().err
