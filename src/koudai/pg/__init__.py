"""PostgreSQL: where it is, how to reach it, what a transaction can do, and the schema's history.

This room starts the embedded server or finds the one named by the environment, opens connections as
the application or the owner role, sends many statements in one round trip, and runs the rooms'
migrations. It is the only room that imports the driver.
"""

from koudai.pg.arrays import Column, bools, byteas, columns, int4s, int8s, numbers, texts, tids, times
from koudai.pg.database import Database, Later, Tx
from koudai.pg.embedded import Embedded, EmbeddedFault
from koudai.pg.faults import Conflict, PgFault
from koudai.pg.migrate import Room, migrate, pending
from koudai.pg.pieces import in_pieces
from koudai.pg.statements import Statements
from koudai.pg.target import Target, find_target

__all__ = [
    "Column",
    "Conflict",
    "Database",
    "Embedded",
    "EmbeddedFault",
    "Later",
    "PgFault",
    "Room",
    "Statements",
    "Target",
    "Tx",
    "bools",
    "byteas",
    "columns",
    "find_target",
    "in_pieces",
    "int4s",
    "int8s",
    "migrate",
    "numbers",
    "pending",
    "texts",
    "tids",
    "times",
]
