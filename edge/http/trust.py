"""`/trust`: how a resident's phone learns to trust the certificate of a house that is its own authority."""

import hashlib
import ssl
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException, Response

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_NONE: Final = "this house has no authority of its own: its certificate is trusted anyway, or there is none"


def trust_routes(authority: Path) -> APIRouter:
    """*authority*: the file of the house's own certificate authority (PEM); read at each request, 404 without it."""
    routes = APIRouter(include_in_schema=False)
    pages = files("edge.http") / "pages"
    page, style = (pages / "trust.html").read_text("utf-8"), (pages / "trust.css").read_bytes()

    @routes.get("/trust")
    def how() -> Response:
        text = page.replace("FINGERPRINT", fingerprint(_read(authority)))
        return Response(text, media_type="text/html; charset=utf-8", headers=_HEADERS)

    @routes.get("/trust.css")
    def looks() -> Response:
        return Response(style, media_type="text/css", headers=_HEADERS)

    @routes.get("/trust/house.crt")
    def certificate() -> Response:
        # This type makes a phone offer to install it (RFC 5280 has none for an authority; browsers agreed on this one).
        return Response(_read(authority), media_type="application/x-x509-ca-cert", headers=_HEADERS)

    return routes


def fingerprint(pem: str) -> str:
    """SHA-256 of the certificate in *pem*, as phones show it: pairs of hexadecimal digits."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest().hex(" ").upper()


def _read(authority: Path) -> str:
    try:
        return authority.read_text("ascii")
    except OSError as error:
        raise HTTPException(404, _NONE) from error
