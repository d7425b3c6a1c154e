"""Who may speak to this server: the names it answers to, and web pages of other origins.

A page in a user's browser can reach a loopback port. Under a name of its own that it points here
(DNS rebinding) it could even read the answers, so requests for unknown names are refused. A browser
says from where a write comes: one from another origin is refused. Programs say nothing of the kind.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

ANY_HOST = "*"
_OURS = ("same-origin", "none")


def host_problem(hosts: list[str], allowed: Collection[str]) -> str | None:
    """Say what is wrong with the `Host` headers of a request, or return None.

    Addresses, `localhost` and names without a dot pass: nobody can own such a name in the DNS. No
    `Host` passes, too: every browser sends one.
    """
    if len(hosts) > 1:
        return "more than one Host header"
    if not hosts or ANY_HOST in allowed:
        return None
    name = _name(hosts[0])
    if name is None:
        return "the Host header is not host or host:port"
    if _is_safe(name) or name in allowed:
        return None
    return f"this server is not known as {name[:100]}: ANSWERLOOP_HTTP_ALLOWED_HOSTS can name it"


def cross_site_problem(headers: Mapping[str, str], allowed: Collection[str]) -> str | None:
    """Say why a write may come from a web page of somebody else's, or return None."""
    origin = headers.get("Origin")
    if origin is not None and not _same_origin(origin, headers.get("Host", ""), allowed):
        return "a web page of another origin can't write here"
    site = headers.get("Sec-Fetch-Site")
    if origin is None and site is not None and site not in _OURS:
        return "a web page of another site can't write here"
    return None


def _same_origin(origin: str, host: str, allowed: Collection[str]) -> bool:
    try:
        parts = urlsplit(origin)
        name = parts.hostname
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not name:
        return False
    return parts.netloc.lower() == host.lower() or name in allowed


def _is_safe(name: str) -> bool:
    if name.endswith(".localhost") or ("." not in name and ":" not in name):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return None
    plain = parts.netloc == host and "@" not in host and not host.startswith(":")
    if not name or not plain or not re.fullmatch(r"[a-z0-9._:-]+", name):
        return None
    return name.rstrip(".")
