"""Checks of the cache: reached, and what it does when it is full."""

from __future__ import annotations

import asyncio
import shlex
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

from app.adapters.cache.redis import refuse_unknown_options
from app.config.secret_urls import masked_url
from app.doctor.check import Site
from app.doctor.host import MIB
from app.doctor.outcome import (
    Mend,
    Outcome,
    advice,
    command,
    ok,
    problem,
    setting,
    skipped,
    warning,
)
from app.errors import CacheUnavailable
from app.settings import PREFIX

_SECONDS = 5.0
_SUGGESTED = "256mb"
#: Redis 2.6 and later have all that the cache asks for; 4 is the oldest that anybody runs.
_OLDEST = 4


async def cache(site: Site) -> Outcome:
    settings = site.settings
    if settings.cache == "memory:":
        return ok("in the process: the last 10,000 answers")
    try:
        info = await _info(settings.cache)
    except AuthenticationError as error:
        return problem(
            f"Redis at {masked_url(settings.cache)} refuses the password: {error}",
            setting(f"{PREFIX}CACHE=redis://:PASSWORD@HOST:6379/0"),
        )
    except CacheUnavailable as error:
        return problem(
            f"{error}: every question is looked up in the database",
            advice("start Redis, or do without:"),
            setting(f"{PREFIX}CACHE=memory:"),
        )
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info.get("redis_version", "?"))
    seen = f"{name} {version}, {int(info.get('used_memory', 0)) / MIB:,.1f} MiB used"
    if str(info.get("role")) == "slave":
        return problem(
            f"{seen}: a replica, which can't be written",
            setting(f"{PREFIX}CACHE=redis://PRIMARY:6379/0"),
        )
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < _OLDEST:
        return warning(f"{seen} is older than {_OLDEST}", advice("use a later Redis"))
    return ok(seen)


async def policy(site: Site) -> Outcome:
    """Look what Redis does when its memory is full: the oldest answers should go."""
    settings = site.settings
    if settings.cache == "memory:":
        return skipped("the cache is in the process, and bounded")
    info = await _info(settings.cache)
    limit, rule = int(info.get("maxmemory", 0)), str(info.get("maxmemory_policy", "?"))
    if not limit:
        return warning(
            f"no maxmemory: it grows until the machine's memory ends (policy {rule})",
            _configure(site, "maxmemory", _SUGGESTED),
            *(
                [_configure(site, "maxmemory-policy", "allkeys-lru")]
                if rule == "noeviction"
                else []
            ),
        )
    seen = f"maxmemory {limit / MIB:,.0f} MiB, {rule}"
    if rule == "noeviction":
        return problem(
            f"{seen}: when it is full, no answer is kept any more",
            _configure(site, "maxmemory-policy", "allkeys-lru"),
        )
    saved = await _persistence(settings.cache)
    return ok(f"{seen}{'; it saves to disk, which a cache does not need' if saved else ''}")


async def _persistence(url: str) -> bool:
    info = await _info(url, "persistence")
    return bool(int(info.get("aof_enabled", 0)))


def _configure(site: Site, name: str, value: str) -> Mend:
    parts = urlsplit(site.settings.cache)
    where = f"-h {shlex.quote(parts.hostname or 'localhost')} -p {parts.port or 6379}"
    secured = " --tls" if parts.scheme == "rediss" else ""
    user = f" --user {shlex.quote(parts.username)}" if parts.username else ""
    asks = " --askpass" if parts.password else ""
    return command(f"redis-cli {where}{secured}{user}{asks} config set {name} {value}")


async def _info(url: str, *sections: str) -> dict[str, Any]:
    """Return what Redis says of itself. Raises CacheUnavailable; AuthenticationError."""
    client = Redis.from_url(url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS)
    refuse_unknown_options(client.connection_pool)
    try:
        async with asyncio.timeout(_SECONDS):
            return dict(await client.info(*sections))
    except AuthenticationError:
        raise
    except (RedisError, OSError, TimeoutError) as error:
        place = masked_url(url)
        raise CacheUnavailable(f"no Redis answers at {place} ({type(error).__name__})") from None
    finally:
        await client.aclose()
