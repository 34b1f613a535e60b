"""The page at ``/``: a few static files of this package, held in memory.

The page loads nothing from other hosts; its Content-Security-Policy enforces that.
"""

import hashlib
from importlib.resources import files
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

PAGE_FILES: Final = "/page/"
"""What the addresses of the page's files begin with."""

_FOLDER: Final = "page"
_INDEX: Final = "index.html"
# By the ending of a name; the tables of machines differ.
_MEDIA_TYPES: Final = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
_HEADERS: Final = {
    # Asked for again each time, and sent again only after a release.
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page_routes() -> list[BaseRoute]:
    """Return the routes of the page: ``/``, and ``/page/NAME`` for what it is made of."""
    folder = files(__package__) / _FOLDER
    contents = {file.name: file.read_bytes() for file in folder.iterdir()}
    tags = {name: f'"{hashlib.sha256(text).hexdigest()[:16]}"' for name, text in contents.items()}

    def sent(name: str, known: str) -> Response:
        headers = {**_HEADERS, "ETag": tags[name]}
        if tags[name] in known or known == "*":
            return Response(status_code=304, headers=headers)
        media_type = _MEDIA_TYPES[name.partition(".")[2]]
        return Response(contents[name], headers=headers, media_type=media_type)

    async def index(request: Request) -> Response:
        return sent(_INDEX, request.headers.get("if-none-match", ""))

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name == _INDEX or name not in contents:
            raise HTTPException(404)
        return sent(name, request.headers.get("if-none-match", ""))

    return [Route("/", index), Route(f"{PAGE_FILES}{{name}}", file)]
