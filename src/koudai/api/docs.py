"""The interactive documentation: Swagger UI from its package, nothing from elsewhere."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import swagger_ui_bundle  # type: ignore[import-untyped]
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from koudai.api.door import Operation
from koudai.api.openapi import document

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>koudai API</title>
<link rel="stylesheet" href="/docs/ui/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/ui/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/ui/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""

_HEADERS = {
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


def routes(operations: Sequence[Operation]) -> list[BaseRoute]:
    """`/`, `/docs` and `/openapi.json`."""
    described = msgspec.json.encode(document(operations))

    async def openapi(request: Request) -> Response:
        return Response(described, media_type="application/json")

    async def page(request: Request) -> Response:
        return Response(_PAGE, media_type="text/html", headers=_HEADERS)

    async def start(request: Request) -> Response:
        return Response(_START, media_type="text/javascript", headers=_HEADERS)

    async def home(request: Request) -> Response:
        return RedirectResponse("/docs")

    return [
        Route("/", home),
        Route("/openapi.json", openapi),
        Route("/docs", page),
        Route("/docs/start.js", start),
        Mount("/docs/ui", StaticFiles(directory=Path(str(swagger_ui_bundle.swagger_ui_path)))),
    ]
