"""The HTTP door: JSON in, one verb or view, JSON out.

Every route is declared once (`operations.py`), and both the router and the OpenAPI document are built from
the declarations. Whatever happens to a card goes through the batcher, which gathers requests while
the batch before them commits. Nothing here knows SQL, and no room below knows HTTP.
"""

from koudai.api.problems import ApiProblem
from koudai.api.server import create_app, serve

__all__ = ["ApiProblem", "create_app", "serve"]
