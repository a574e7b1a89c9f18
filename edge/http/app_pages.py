"""`/app/`: the residents' app as it was built, from the package. Static: it holds no secret and asks for no login."""

import mimetypes
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import RedirectResponse

FILES_MAX: Final = 500
FILE_BYTES_MAX: Final = 4 * 1024 * 1024
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "connect-src 'self'; worker-src 'self'; manifest-src 'self'; font-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
_TYPES: Final = {
    ".webmanifest": "application/manifest+json", ".js": "text/javascript", ".mjs": "text/javascript",
    ".woff2": "font/woff2", ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
}  # fmt: skip


def app_page_routes(root: Traversable | None = None) -> APIRouter:
    """`/app/` and its files, read once at the start; *root*: their folder, by default that of the package."""
    routes = APIRouter(include_in_schema=False)
    pages = _load(files("edge.http") / "app" if root is None else root)

    @routes.get("/app")
    async def without_slash() -> RedirectResponse:
        return RedirectResponse("/app/", 308)

    @routes.get("/app/{path:path}")
    async def page(path: str) -> Response:
        found = pages.get(path or "index.html")
        if found is None:
            raise HTTPException(404, "the app is not part of this installation" if not pages else "no such file")
        cache = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
        return Response(found, media_type=_type(path or "index.html"), headers={**HEADERS, "Cache-Control": cache})

    return routes


def _type(path: str) -> str:
    suffix = PurePosixPath(path).suffix
    return _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def _load(folder: Traversable, before: str = "") -> dict[str, bytes]:
    """Every file below *folder* by its path; nothing where it is not there. Raises ValueError for far too much."""
    found: dict[str, bytes] = {}
    if not folder.is_dir():
        return found
    for entry in folder.iterdir():
        if entry.is_dir():
            found.update(_load(entry, f"{before}{entry.name}/"))
        elif not entry.name.endswith(".py"):
            found[before + entry.name] = entry.read_bytes()
            if len(found) > FILES_MAX or len(found[before + entry.name]) > FILE_BYTES_MAX:
                raise ValueError(f"too much in the folder of the app: {before}{entry.name}")
    return found
