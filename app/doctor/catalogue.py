"""The one list of checks, and how some of them are chosen."""

from __future__ import annotations

from collections.abc import Collection

from app.doctor import (
    broker,
    cache,
    configuration,
    database,
    database_health,
    embedded_log,
    engine,
    groups,
    host,
    model,
    scorer,
    security,
    topics,
    versions,
)
from app.doctor.check import Check
from app.errors import NotFoundError

CHECKS: tuple[Check, ...] = (
    *configuration.CHECKS,
    *versions.CHECKS,
    *broker.CHECKS,
    *topics.CHECKS,
    *groups.CHECKS,
    *embedded_log.CHECKS,
    *database.CHECKS,
    *database_health.CHECKS,
    *cache.CHECKS,
    *model.CHECKS,
    *scorer.CHECKS,
    *host.CHECKS,
    *security.CHECKS,
    *engine.CHECKS,
)


def chosen(names: Collection[str]) -> tuple[Check, ...]:
    """Return the checks of these names or areas, all for none, with those that they need.

    Raises NotFoundError for a name that is neither.
    """
    if not names:
        return CHECKS
    known = {check.name for check in CHECKS} | {check.area for check in CHECKS}
    if strange := sorted(set(names) - known):
        raise NotFoundError(
            f"no check is called {strange[0]!r}; `answerloop doctor --list` names them all"
        )
    wanted = {check.name for check in CHECKS if {check.name, check.area} & set(names)}
    by_name = {check.name: check for check in CHECKS}
    for name in list(wanted):
        needed = by_name[name].needs
        while needed is not None:
            wanted.add(needed)
            needed = by_name[needed].needs
    return tuple(check for check in CHECKS if check.name in wanted)
