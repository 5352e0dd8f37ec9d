"""Statements: a file of SQL under lines that name and explain."""

import pytest

from koudai.pg import Statements


def statements(tmp_path, text):
    path = tmp_path / "queries.sql"
    path.write_text(text, encoding="utf-8")
    return Statements(path)


def test_a_statement_runs_from_its_line_to_the_next(tmp_path):
    found = statements(
        tmp_path,
        "-- A remark about the file, which belongs to none.\n"
        "SELECT 'lost';\n"
        "-- one: the first\n"
        "SELECT 1;\n"
        "\n"
        "-- two_2: the second; with a remark inside\n"
        "SELECT $1::text -- not: a name within a line\n"
        "  -- indented: so no name\n"
        "FROM t\n"
        "\n",
    )
    assert dict(found) == {
        "one": "SELECT 1",
        "two_2": "SELECT $1::text -- not: a name within a line\n  -- indented: so no name\nFROM t",
    }
    assert (len(found), list(found), found["one"]) == (2, ["one", "two_2"], "SELECT 1")


@pytest.mark.parametrize(
    "line", ["-- One: capital", "--one: no space", "-- one two: a space", "-- one:", "-- 1a: digit"]
)
def test_a_line_that_is_no_name_names_nothing(tmp_path, line):
    assert dict(statements(tmp_path, f"{line}\nSELECT 1\n")) == {}


def test_a_file_without_statements_has_none(tmp_path):
    assert dict(statements(tmp_path, "")) == {}


def test_one_name_for_two_statements_is_a_mistake(tmp_path):
    with pytest.raises(ValueError, match="names the statement one twice"):
        statements(tmp_path, "-- one: a\nSELECT 1\n-- one: b\nSELECT 2\n")


def test_an_unknown_name_is_a_mistake(tmp_path):
    with pytest.raises(KeyError):
        statements(tmp_path, "-- one: a\nSELECT 1\n")["two"]
