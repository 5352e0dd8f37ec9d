"""Every code has an example, told with the facts that the code is really answered with."""

import ast
import importlib
import importlib.util
import re
import string
from collections import defaultdict
from datetime import UTC
from enum import StrEnum
from pathlib import Path

import pytest

import koudai
from koudai.base import parse_time
from koudai.phrases import Language, say, sentences
from koudai.policy import shipped_clauses

SRC = Path(koudai.__file__).parent
ROOT = SRC.parents[1]

# What `koudai doctor` finds is a report and no refusal, and a measurement's faults meet nobody who calls koudai.
WITHOUT = ("bench", "doctor")


def written():
    spec = importlib.util.spec_from_file_location("make_codes", ROOT / "scripts" / "make_codes.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.examples()


EXAMPLES = written()
HELD = sorted(code for code in sentences() if code.partition(".")[0] not in WITHOUT)


def quoted(code):
    return {name for said in sentences()[code].values() for _, name, _, _ in string.Formatter().parse(said) if name}


def names_of(node, scope):
    """The names in a mapping of facts as far as the source says them, None where it doesn't."""
    if node is None:
        return frozenset()
    if isinstance(node, ast.Dict):
        inner = [
            names_of(value, scope) if key is None else frozenset([key.value]) if isinstance(key, ast.Constant) else None
            for key, value in zip(node.keys, node.values, strict=True)
        ]
        return None if None in inner else frozenset().union(*inner)
    if isinstance(node, ast.Name) and scope is not None:
        told = [
            one
            for one in ast.walk(scope)
            if isinstance(one, ast.Assign | ast.AnnAssign)
            and one.lineno < node.lineno
            and node.id
            in {getattr(target, "id", None) for target in getattr(one, "targets", [getattr(one, "target", 0)])}
        ]
        return names_of(max(told, key=lambda one: one.lineno).value, scope) if told else None
    return None


def carried(call, scope):
    """The names of the facts of `Refused(code, {…})`, `Fault(code, name=…)`, and of `yield code, path, {…}`."""
    if isinstance(call, ast.Tuple):
        return names_of(call.elts[-1], scope)
    match getattr(call.func, "id", getattr(call.func, "attr", None)):
        case "Refused" | "Problem":
            return names_of(call.args[1] if len(call.args) > 1 else None, scope)
        case "Found":
            return names_of(call.args[2], scope)
        case "Fault":
            names = [word.arg for word in call.keywords]
            return None if None in names else frozenset(names)
        case "wrong":
            return frozenset({"option", "found"} | {word.arg for word in call.keywords})
    return None


def answers(node, scope=None):
    """Each call with a code, or what may be one, and each tuple that is yielded with one, with its function."""
    for child in ast.iter_child_nodes(node):
        inside = child if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else scope
        if isinstance(child, ast.Call) and child.args:
            yield child.args[0], child, inside
        if isinstance(child, ast.Yield) and isinstance(child.value, ast.Tuple):
            yield child.value.elts[0], child.value, inside
        yield from answers(child, inside)


def answered_with():
    """Each code with the sets of facts that the source answers it with, read from the source alone."""
    known = defaultdict(set)
    for path in sorted(SRC.rglob("*.py")):
        if path.name == "__main__.py":
            continue
        name = ".".join(("koudai", *path.relative_to(SRC).with_suffix("").parts)).removesuffix(".__init__")
        module = importlib.import_module(name)
        for code, call, scope in answers(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(code, ast.Attribute) and isinstance(code.value, ast.Name):
                enum = getattr(module, code.value.id, None)
                names = carried(call, scope)
                if isinstance(enum, type) and issubclass(enum, StrEnum) and names is not None:
                    known[str(enum[code.attr])].add(names)
    return known


ANSWERED = answered_with()


def test_the_source_tells_the_facts_of_most_codes():
    assert len(ANSWERED) > 250
    assert ANSWERED["cards.insufficient_balance"] == {frozenset({"available_minor", "amount_minor", "currency"})}
    assert ANSWERED["cards.unknown_card"] == {frozenset()}


def test_every_code_has_an_example_and_every_example_a_code():
    assert sorted(EXAMPLES) == HELD


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_an_example_says_when_and_fills_the_sentence(code):
    example = EXAMPLES[code]
    facts = example.get("facts", {})
    assert set(example) - {"facts"} == set(Language)
    assert example["en"].endswith(".")
    assert example["zh"].endswith("。")
    assert re.search(r"[\u4e00-\u9fff]", example["zh"])
    assert quoted(code) <= set(facts)
    for language in Language:
        told = say(code, facts, language)
        assert [name for name in quoted(code) if f"{{{name}}}" in told] == []


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_an_example_has_the_facts_that_the_code_is_answered_with(code):
    facts = set(EXAMPLES[code].get("facts", {}))
    # Where the source doesn't say it outright, nothing may stand here that isn't told.
    fitting = [names for names in ANSWERED.get(code, [quoted(code)]) if facts <= names]
    assert fitting, "the code carries other facts"
    # A time that doesn't come is null, which TOML has not: it alone is left out.
    assert any(all(name.endswith("_at") for name in names - facts) for names in fitting)


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_the_facts_of_an_example_have_their_kinds(code):
    for name, fact in EXAMPLES[code].get("facts", {}).items():
        if name.endswith(("_minor", "_count", "_s", "_bytes")):
            assert isinstance(fact, int), name
        if name.endswith("_at") and name != "told_at":
            assert parse_time(fact).tzinfo is UTC
            assert fact.endswith("Z")
        if isinstance(fact, dict):
            assert set(fact) == set(Language), name


@pytest.mark.parametrize(
    "code", [code for code in EXAMPLES if {"title", "citation"} & set(EXAMPLES[code].get("facts", {}))]
)
def test_a_clause_is_told_as_it_is_shipped(code):
    facts = EXAMPLES[code]["facts"]
    clause = shipped_clauses()[facts["clause"]]
    for name in ("title", "citation"):
        if name in facts:
            assert facts[name] == {"en": getattr(clause, name).en, "zh": getattr(clause, name).zh}


def test_an_example_of_the_command_line_names_options_that_there_are():
    source = "".join(path.read_text(encoding="utf-8") for path in (SRC / "cli").glob("*.py"))
    named = {code: example.get("facts", {}).get("option", "") for code, example in EXAMPLES.items()}
    unknown = {code for code, option in named.items() if option.startswith("--") and f'"{option}"' not in source}
    assert unknown == {"cli.no_such_option"}
