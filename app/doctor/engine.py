"""The check of a running worker: reached, ready, of this version."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from app import __version__
from app.data_dir.engine_file import running_engine
from app.doctor.check import Site
from app.doctor.outcome import (
    Outcome,
    advice,
    command,
    problem,
    setting,
    skipped,
    together,
    warning,
)
from app.settings import PREFIX

_SECONDS = 8.0
_BODY_LIMIT = 1024 * 1024


async def worker(site: Site) -> Outcome:
    """Ask the worker of DATA_DIR, or who listens at HTTP_HOST and HTTP_PORT."""
    settings = site.settings
    told = running_engine(settings)
    host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
    url = told or f"http://{host}:{settings.http_port}"
    if told is None and not settings.http_port:
        return skipped("no worker runs here")
    try:
        health = await _get(f"{url}/health")
        ready = await _get(f"{url}/readyz")
    except aiohttp.ClientConnectorError:
        return skipped(f"no worker runs here ({url})")
    except (aiohttp.ClientError, TimeoutError) as error:
        return problem(
            f"{url} takes connections and does not answer ({type(error).__name__})",
            advice("see the worker's log; it may have to be started again"),
        )
    if health.get("service") != "answerloop":
        return problem(
            f"another program listens at {url}: a worker can't start there",
            setting(f"{PREFIX}HTTP_PORT={settings.http_port + 1}"),
        )
    return together(_findings(url, health, ready), f"{url}: {__version__}, healthy, ready")


def _findings(url: str, health: dict[str, Any], ready: dict[str, Any]) -> list[Outcome]:
    found = []
    version = health.get("version")
    if version != __version__:
        found.append(
            warning(
                f"{url} runs version {version}, this command is {__version__}",
                advice("stop that worker (SIGTERM), and start it again:"),
                command("answerloop worker"),
            )
        )
    down = {
        name: part.get("detail")
        for name, part in (health.get("dependencies") or {}).items()
        if part.get("status") != "up"
    }
    for name, detail in down.items():
        found.append(
            warning(f"the worker can't reach its {name}: {detail}", advice(f"see the check {name}"))
        )
    if ready.get("status") != "ready":
        reason = (ready.get("error") or {}).get("message", "no reason told")
        found.append(warning(f"{url} takes no work: {reason}", command("answerloop watch")))
    return found


async def _get(url: str) -> dict[str, Any]:
    """Return a JSON object, whatever the status; an empty one when it is none."""
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        raw = await response.content.read(_BODY_LIMIT)
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
