"""Passwords inside URLs: found, and hidden wherever a URL is shown."""

from __future__ import annotations

import re

MASK = "********"
#: Parameters of a PostgreSQL or Redis URL that are as secret as its password.
_PARAMETER = re.compile(r"(?i)([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&#]*")


def masked_url(value: str) -> str:
    """Return a setting's URL with its password, and secret parameters, as asterisks.

    A password may hold any character, encoded or not: whatever lies between the first colon after
    `//` and the last `@` is hidden.
    """
    scheme, slashes, rest = value.partition("://")
    if not slashes:
        return MASK if "@" in value else value
    user, at, place = rest.rpartition("@")
    name, colon, _ = user.partition(":")
    shown = f"{name}{colon}{MASK if colon else ''}{at}{place}"
    return f"{scheme}://" + _PARAMETER.sub(rf"\g<1>{MASK}", shown)
