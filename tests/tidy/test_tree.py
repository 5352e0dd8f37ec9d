"""The house rules, as tests: sizes, names, charters, and who may say what to whom."""

import ast
import re
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "koudai"
MODULES = sorted(SRC.rglob("*.py"))
SQL_FILES = sorted(SRC.rglob("*.sql"))
ROOMS = (
    "api",
    "base",
    "bench",
    "cards",
    "cli",
    "documents",
    "holders",
    "identity",
    "jobs",
    "ledger",
    "merchants",
    "pg",
    "phrases",
    "policy",
    "programmes",
    "proof",
)

FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "service", "misc"}

# What a room's SQL may name of another room: what that room publishes for joining.
PUBLISHED = {"ledger.heads", "ledger.batches"}


def told(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", MODULES, ids=told)
def test_a_file_is_below_400_lines_and_its_functions_below_70(path):
    text = path.read_text(encoding="utf-8")
    # Strangers get the checker as one file, so it may be longer.
    assert len(text.splitlines()) <= (480 if told(path) == "src/koudai/proof/check.py" else 400)
    long = [f.name for f in functions(ast.parse(text)) if (f.end_lineno or 0) - f.lineno >= 70]
    assert long == []


def test_no_module_has_a_name_that_says_nothing():
    assert [told(p) for p in SRC.rglob("*") if p.stem in FORBIDDEN_NAMES] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_begins_with_its_charter(room):
    charter = ast.get_docstring(ast.parse((SRC / room / "__init__.py").read_text(encoding="utf-8")))
    assert charter
    assert len(charter) > 40


def test_every_room_is_known():
    found = {path.name for path in SRC.iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert found == set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=told)
def test_what_is_public_says_what_it_means(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if path.name == "__main__.py":
        return
    assert ast.get_docstring(tree), "the module has no docstring"
    public = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
    silent = [
        node.name
        for node in public
        if not node.name.startswith("_") and not ast.get_docstring(node) and not _overload(node)
    ]
    assert silent == []


def test_the_time_is_read_in_one_file():
    reads = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(|\btime\.time\(")
    assert [told(p) for p in MODULES if reads.search(p.read_text(encoding="utf-8"))] == ["src/koudai/base/clock.py"]


def test_money_is_never_a_float():
    rooms = ("base/money.py", "base/asset.py", "ledger", "cards", "merchants", "programmes", "jobs/replay/plan.py")
    of_money = [p for p in MODULES if str(p.relative_to(SRC)).startswith(rooms)]
    floats = re.compile(r"\bfloat\(|->\s*float\b|:\s*float\b")
    found = {told(p): floats.findall(p.read_text(encoding="utf-8")) for p in of_money}
    # The one float of these rooms is how long a verification took.
    assert {name: hits for name, hits in found.items() if hits} == {"src/koudai/ledger/verify.py": [": float"]}


def test_no_module_is_dead():
    graph = grimp.build_graph("koudai", include_external_packages=False)
    # A command is imported when it is used, by its name in a string.
    by_name = {name for p in MODULES for name in re.findall(r"\"(koudai(?:\.\w+)+)", p.read_text(encoding="utf-8"))}
    roots = {"koudai.app"} | (by_name & graph.modules)
    alive = {"koudai", "koudai.__main__", *roots}.union(*(graph.find_upstream_modules(root) for root in roots))
    packages = {module.rpartition(".")[0] for module in graph.modules}
    assert sorted(graph.modules - alive - packages) == []


@pytest.mark.parametrize("path", SQL_FILES, ids=told)
def test_sql_names_its_own_schema_and_what_others_publish(path):
    room = path.relative_to(SRC).parts[0]
    if path.name == "verify.sql":
        # A proof reads everything below its room: that is what it is for.
        return
    text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    named = set(
        re.findall(
            r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|ON)\s+((?:identity|ledger|holders|merchants|cards|programmes|jobs)\.\w+)",
            text,
        )
    )
    assert {name for name in named if not name.startswith(f"{room}.")} <= PUBLISHED


@pytest.mark.parametrize("path", [p for p in SQL_FILES if p.name in ("queries.sql", "verify.sql")], ids=told)
def test_every_statement_has_a_caller(path):
    names = re.findall(r"^-- ([a-z][a-z0-9_]*): ", path.read_text(encoding="utf-8"), re.M)
    assert names, "the file has no statement"
    if path.parent.name == "cards" and path.name == "verify.sql":
        return  # Every one of them is a check: they are taken by iterating over the file.
    python = "\n".join(p.read_text(encoding="utf-8") for p in path.parent.rglob("*.py"))
    assert [name for name in names if f'"{name}"' not in python] == []


def test_lock_files_name_no_host():
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


def test_the_tests_that_the_architecture_names_are_there():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert len(named) > 15
    for path, test in named:
        assert f"def {test or 'test_'}" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{test}"


def _overload(node) -> bool:
    """Whether a definition only says what the one that follows answers to whom."""
    return [ast.unparse(one) for one in node.decorator_list] == ["overload"]
