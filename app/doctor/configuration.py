"""The check of the settings: they load, where each comes from, what contradicts what."""

from __future__ import annotations

import math
import os
import shlex

from app.config.collector import INSTALL
from app.config.shown import setting_source, shadowed_settings
from app.doctor.check import Site
from app.doctor.outcome import Outcome, advice, command, problem, setting, together, warning
from app.doctor.waits import longest_life_seconds
from app.errors import SettingsError
from app.settings import PREFIX, known_names, load_settings


async def settings(site: Site) -> Outcome:
    try:
        load_settings()
    except SettingsError as error:
        return unusable(error)
    found = [
        warning(
            f"{name} is in the environment and, with another value, in .env: the first one counts",
            advice(f"unset {name} in the environment, or take its line out of .env"),
        )
        for name in shadowed_settings()
    ]
    sources = {
        name: setting_source(site.settings, name) for name in type(site.settings).model_fields
    }
    by_source = [
        f"{PREFIX}{name.upper()} ({source})"
        for name, source in sources.items()
        if source != "default"
    ]
    left = len(sources) - len(by_source)
    return together(found, f"{', '.join(by_source) or 'none set'}; {left} by default")


def unusable(error: SettingsError) -> Outcome:
    """Return settings that do not load as an outcome."""
    if not error.name:
        return problem(str(error))
    if INSTALL in str(error):
        return problem(str(error), command(INSTALL))
    if error.name.upper() in known_names():
        return problem(str(error), setting(f"{error.name}="))
    if error.name in os.environ:
        return problem(str(error), command(f"unset {shlex.quote(error.name)}"))
    return problem(str(error), advice(f"rename {error.name} in .env, or take its line out"))


async def retries(site: Site) -> Outcome:
    """Look whether the retries that the settings allow fit into the deadline that they set."""
    chosen = site.settings
    life, deadline = longest_life_seconds(chosen, deadline=False), chosen.deadline_seconds
    found = []
    if chosen.overload_base_seconds > chosen.overload_max_seconds:
        found.append(
            warning(
                f"the first wait ({chosen.overload_base_seconds:g} s) is above the longest one"
                f" ({chosen.overload_max_seconds:g} s): every wait is the longest",
                setting(f"{PREFIX}OVERLOAD_BASE_SECONDS={chosen.overload_max_seconds:g}"),
            )
        )
    if deadline and life > deadline:
        found.append(
            warning(
                f"retries and generations may take {life:,.0f} s, the deadline ends a question"
                f" after {deadline:,.0f} s",
                setting(f"{PREFIX}DEADLINE_SECONDS={math.ceil(life)}"),
            )
        )
    within = f"of {deadline:,.0f} s" if deadline else "without a deadline"
    return together(found, f"a question may take {life:,.0f} s {within}")
