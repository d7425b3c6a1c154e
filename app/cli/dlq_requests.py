"""Mended letters, cut into requests that a worker takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.letters.plans import Mended

#: Of a request to a worker, which takes 4 MiB; and what a letter has beside its bytes.
_REQUEST_BYTES = 3_500_000
_LETTER_BYTES = 500


def parts_of(letters: Mapping[str, Mended | None]) -> Iterator[dict[str, Mended | None]]:
    """Cut letters into requests: their bytes travel in base64, and a body is bounded."""
    part: dict[str, Mended | None] = {}
    size = 0
    for origin, mended in letters.items():
        more = _LETTER_BYTES
        if mended is not None:
            more += 4 * (len(mended.value) + len(mended.key or b"")) // 3
        if part and size + more > _REQUEST_BYTES:
            yield part
            part, size = {}, 0
        part[origin] = mended
        size += more
    if part:
        yield part
