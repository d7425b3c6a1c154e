"""Checks of what others may read, and of what is open to them."""

from __future__ import annotations

import secrets
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from app.broker import log_folder
from app.config.reading import PREFIX, dotenv, loopback
from app.data_dir.engine_file import engine_file
from app.doctor.check import Site
from app.doctor.outcome import Mend, Outcome, advice, command, problem, setting, together, warning
from app.settings import URLS_WITH_PASSWORDS, Settings, secret_settings

_SHORTEST_TOKEN = 16
_ENV = Path(".env")


def _new_token() -> Mend:
    """Return a setting with a new random token: .env takes values as they stand, no commands."""
    return setting(f"{PREFIX}API_TOKEN={secrets.token_hex(24)}")


async def http_token(site: Site) -> Outcome:
    settings = site.settings
    token = settings.api_token.get_secret_value() if settings.api_token else ""
    open_to_all = not loopback(settings.http_host)
    found = []
    if open_to_all and not token:
        found.append(
            problem(
                f"{settings.http_host} is reachable from other machines, and anybody may write",
                _new_token(),
                setting(f"{PREFIX}HTTP_HOST=127.0.0.1"),
            )
        )
    if token.startswith("$("):
        found.append(
            problem("API_TOKEN is a shell command that nothing ran: others know it", _new_token())
        )
    if token and len(token) < _SHORTEST_TOKEN:
        found.append(
            warning(
                f"API_TOKEN has {len(token)} characters: it can be guessed",
                _new_token(),
            )
        )
    if "*" in settings.allowed_hosts and not token:
        found.append(
            warning(
                "HTTP_ALLOWED_HOSTS is * without a token: a web page can reach the API by a name of"
                " its own (DNS rebinding)",
                setting(f"{PREFIX}HTTP_ALLOWED_HOSTS="),
            )
        )
    who = "every machine" if open_to_all else "this machine"
    return together(found, f"{settings.http_host}: {who}, {'a token' if token else 'no token'}")


async def secret_files(site: Site) -> Outcome:
    """Look for files with secrets, questions or answers in them that other users may read."""
    found = []
    looked = 0
    for path, what in _closed_files(site.settings):
        looked += 1
        if _readable_by_others(path):
            mode = stat.S_IMODE(path.stat().st_mode)
            seen = f"{path} ({what}) may be read by others (mode {mode:o})"
            mend = command(f"chmod go-rwx {shlex.quote(str(path))}")
            secret = what == "secrets"
            found.append(problem(seen, mend) if secret else warning(seen, mend))
    return together(found, f"{looked} files looked at, none may be read by others")


async def plain_passwords(site: Site) -> Outcome:
    """Look for passwords and keys that go over a network in the clear."""
    settings = site.settings
    found = []
    if settings.kafka_security_protocol == "SASL_PLAINTEXT" and not _all_here(settings.broker):
        found.append(
            warning(
                "the password of Kafka goes over the network in the clear",
                setting(f"{PREFIX}KAFKA_SECURITY_PROTOCOL=SASL_SSL"),
            )
        )
    if (
        settings.llm_api_key
        and settings.llm.startswith("openai+http:")
        and not _all_here(settings.llm)
    ):
        found.append(
            warning(
                "LLM_API_KEY goes over the network in the clear",
                setting(f"{PREFIX}LLM=openai+https://{urlsplit(settings.llm).netloc}/v1"),
            )
        )
    if (
        settings.api_token
        and settings.api_token.get_secret_value()
        and settings.scorer.startswith("http://")
        and not _all_here(settings.scorer)
    ):
        found.append(
            warning(
                "API_TOKEN goes to the scorer over the network in the clear",
                advice("put a proxy with TLS in front of the score server, and name it:"),
                setting(f"{PREFIX}SCORER=https://HOST"),
            )
        )
    cache = urlsplit(settings.cache)
    if cache.scheme == "redis" and cache.password and not _all_here(settings.cache):
        found.append(
            warning(
                "the password of Redis goes over the network in the clear",
                advice(f"let Redis speak TLS, and write {PREFIX}CACHE=rediss://..."),
            )
        )
    return together(found, "no password or key leaves this machine in the clear")


def _closed_files(settings: Settings) -> Iterator[tuple[Path, str]]:
    """Give the files that are there and should be closed, with what they hold."""
    if _ENV.is_file() and _has_secrets():
        yield _ENV.absolute(), "secrets"
    if (own := engine_file(settings)).is_file():
        yield own.absolute(), "the engine's address"
    folder = log_folder(settings)
    if folder.is_dir():
        yield from ((path, "questions and answers") for path in sorted(folder.iterdir()))


def _has_secrets() -> bool:
    secret = {PREFIX + name.upper() for name in secret_settings()}
    passwords = {PREFIX + name.upper() for name in URLS_WITH_PASSWORDS}
    return any(
        value and (name.upper() in secret or (name.upper() in passwords and "@" in value))
        for name, value in dotenv().items()
    )


def _readable_by_others(path: Path) -> bool:
    """Tell whether another user can open a file: its mode, and those of the folders above it."""
    try:
        if not path.stat().st_mode & 0o044:
            return False
        return all(each.stat().st_mode & 0o011 for each in path.parents)
    except OSError:
        return False


def _all_here(url: str) -> bool:
    """Tell whether every host of a URL is this machine."""
    hosts = urlsplit(url).netloc.rpartition("@")[2].split(",")
    return all(loopback(urlsplit(f"//{host}").hostname or "") for host in hosts)
