"""URLs by which settings choose outside systems: which there are, and what is wrong with one."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from app.config.tls import refuse_unreadable

SCHEMES = {
    "broker": ("log:", "memory:", "memory://name", "kafka://host:9092[,host2:9092]"),
    "database": (
        "embedded:",
        "memory:",
        "postgresql://user@host/name",
        "postgres://user@host/name",
    ),
    "cache": ("memory:", "redis://host:6379/0", "rediss://host:6379/0"),
    "llm": (
        "auto:",
        "bundled:",
        "ollama://host:11434",
        "openai+http://host/v1",
        "openai+https://host/v1",
    ),
    "scorer": ("local:", "memory:", "http://host:8000", "https://host"),
}

#: Options of a URL that name a file, and those that have few values.
_FILES = {
    "database": ("sslrootcert", "sslcert", "sslkey", "sslcrl"),
    "cache": ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"),
}
_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "database": {
        "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    },
    "cache": {"ssl_cert_reqs": ("none", "optional", "required")},
}

#: Settings whose URL may hold a password. `SecretStr` settings are secret as a whole.
URLS_WITH_PASSWORDS = ("database", "cache")


def refuse_unusable_url(setting: str, value: str) -> None:
    """Check scheme, host, port and files. Raises ValueError, which never quotes a password."""
    choices = SCHEMES[setting]
    scheme = value.split("//", 1)[0]
    shown = repr(scheme) if re.fullmatch(r"[a-z+]{1,20}:?", scheme) else "this"
    urls = {choice.split("//", 1)[0] for choice in choices if "//" in choice}
    if not (value in choices or ("//" in value and scheme in urls)):
        raise ValueError(f"{shown} can't be used here; use one of: {', '.join(choices)}")
    if "//" in value:
        _check_places(value)
        _check_options(setting, value)
        if "@" in value and setting not in URLS_WITH_PASSWORDS:
            raise ValueError("it must not carry a user name or password: see the other settings")


def _check_options(setting: str, value: str) -> None:
    options = dict(parse_qsl(value.partition("?")[2]))
    for name in _FILES.get(setting, ()):
        if name in options:
            refuse_unreadable(name, Path(options[name]))
    for name, choices in _CHOICES.get(setting, {}).items():
        if options.get(name, choices[0]) not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}")


def _check_places(value: str) -> None:
    """Check host and port of each part. The errors never quote it: it may hold a password."""
    for part in value.split(","):
        try:
            parts = urlsplit(part if "//" in part else f"//{part}")
            named, _ = parts.hostname or parts.path.strip("/"), parts.port
        except ValueError:
            raise ValueError(
                "not a URL that can be used: a port is a number up to 65535, and in a password "
                "characters such as / # ? @ are written %2F %23 %3F %40"
            ) from None
        if not named:
            raise ValueError("not a URL that can be used: it names no host")
