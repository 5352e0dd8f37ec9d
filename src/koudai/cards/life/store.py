"""The SQL of renewals and reminders."""

from pathlib import Path

from koudai.pg import Statements

SQL = Statements(Path(__file__).with_name("queries.sql"))
