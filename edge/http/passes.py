"""The page that a visitor's link leads to. Static: the pass stands behind the #, which is sent to no server."""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def pass_routes() -> APIRouter:
    """`/pass` and its script; for everybody."""
    routes = APIRouter(include_in_schema=False)
    pages = files("edge.http") / "pages"
    page, script = (pages / "pass.html").read_bytes(), (pages / "pass.mjs").read_bytes()

    @routes.get("/pass")
    async def show() -> Response:
        return Response(page, media_type="text/html", headers=_HEADERS)

    @routes.get("/pass.mjs")
    async def draw() -> Response:
        return Response(script, media_type="text/javascript", headers=_HEADERS)

    return routes
