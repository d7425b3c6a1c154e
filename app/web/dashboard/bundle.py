"""The dashboard's files: read once from the package, served from memory, known by their content."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from aiohttp import web

#: What the page may do: its own modules, styles and data, no markup made of text.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; require-trusted-types-for 'script'; trusted-types 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_YEAR = "public, max-age=31536000, immutable"
_GZIP_FROM_BYTES = 1000
INDEX = "index.html"
MAIN = "main.js"
_IMPORT = re.compile(rb'^import .* from "\./([^"]+)";$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. `tag` is its ETag."""

    body: bytes
    packed: bytes
    content_type: str
    tag: str


class Bundle:
    """All files under one version, the hash of their contents.

    Modules import each other by relative paths, so an address with the version, `/ui/VERSION/x.js`,
    names what it will always be, and is kept by browsers for good. Under any other version comes
    what is there now, to be asked for again: a page from before an upgrade still finds its parts.
    """

    def __init__(self) -> None:
        raw = dict(_files(resources.files(__package__).joinpath("static")))
        whole = hashlib.sha256()
        for name, body in sorted(raw.items()):
            whole.update(name.encode() + b"\0" + body + b"\0")
        self.version = whole.hexdigest()[:12]
        index = raw.pop(INDEX).replace(b"{preloads}", _preloads(raw))
        index = index.replace(b"{version}", self.version.encode())
        self._index = _asset(INDEX, index)
        self._assets = {name: _asset(name, body) for name, body in raw.items()}

    def names(self) -> list[str]:
        return sorted(self._assets)

    def page(self, request: web.Request) -> web.Response:
        """Return the page, always asked for anew (its ETag saves the body)."""
        response = _reply(self._index, request, "no-cache")
        response.headers["Vary"] = "Accept, Accept-Encoding"
        return response

    async def file(self, request: web.Request) -> web.Response:
        """Serve `/ui/{version}/{file}`."""
        asset = self._assets.get(request.match_info["file"])
        if asset is None:
            raise web.HTTPNotFound
        same = request.match_info["version"] == self.version
        return _reply(asset, request, _YEAR if same else "no-cache")


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _files(each, f"{prefix}{each.name}/")
        elif each.name.rpartition(".")[2] in _TYPES:
            yield prefix + each.name, each.read_bytes()


def _preloads(raw: Mapping[str, bytes]) -> bytes:
    """Return links to all that the first script imports, or a browser learns of them one by one."""
    needed = [MAIN]
    for name in needed:
        found = (each.decode() for each in _IMPORT.findall(raw.get(name, b"")))
        needed += sorted(set(found) - set(needed))
    link = '<link rel="modulepreload" href="/ui/{{version}}/{}">'
    return "\n  ".join(link.format(name) for name in needed[1:]).encode()


def _asset(name: str, body: bytes) -> Asset:
    packed = gzip.compress(body, mtime=0) if len(body) >= _GZIP_FROM_BYTES else body
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return Asset(body, packed, _TYPES[name.rpartition(".")[2]], tag)


def _reply(asset: Asset, request: web.Request, cache: str) -> web.Response:
    headers = {
        "ETag": asset.tag,
        "Cache-Control": cache,
        "Content-Security-Policy": CONTENT_POLICY,
        "Vary": "Accept-Encoding",
    }
    if asset.tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    body = asset.body
    if asset.packed is not asset.body and "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = asset.packed, "gzip"
    return web.Response(
        body=body, headers=headers, content_type=asset.content_type, charset="utf-8"
    )
