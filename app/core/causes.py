"""From what is known of a failed call to its cause: rules of a file first, then the built-in table.

What a rule may name is closed: providers, breaks and causes. The type of an error decides (status,
structured code, break); its words only where a server gives nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.core.failures import BREAKS, CAUSES, Cause, Route, classify_status

#: Kinds of model server that a rule may name; anything else in `provider` is a host.
PROVIDERS = ("ollama", "openai", "bundled")


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of a failed call.

    `provider` is one of PROVIDERS, `host` its `name` or `name:port`. `status` is the HTTP status,
    or the one that the error in the body states when the reply came as 2xx. `codes` are the
    structured codes of the error, the most exact first. `broken` (one of BREAKS) is set when there
    was no whole reply. `text` is the server's message, or what broke.
    """

    provider: str = ""
    host: str = ""
    status: int | None = None
    codes: tuple[str, ...] = ()
    broken: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a file: a failure that meets every condition that is given has `cause`.

    Without a condition of a kind (empty) every failure meets it. `text` is compared whole,
    `contains` anywhere, both without regard to case. `line` is where the file has it (0: unknown).
    """

    cause: str
    provider: str = ""
    statuses: tuple[int, ...] = ()
    code: str = ""
    broken: str = ""
    text: str = ""
    contains: str = ""
    line: int = 0

    def matches(self, failure: Failure) -> bool:
        said = failure.text.strip().casefold()
        return (
            self._of_provider(failure)
            and (not self.statuses or failure.status in self.statuses)
            and (not self.code or self.code in failure.codes)
            and (not self.broken or self.broken == failure.broken)
            and (not self.text or self.text.strip().casefold() == said)
            and (not self.contains or self.contains.casefold() in said)
        )

    def __str__(self) -> str:
        """The conditions for people: `429, contains 'overloaded'`."""
        parts = [str(status) for status in self.statuses]
        for name in ("code", "broken", "text", "contains"):
            value = getattr(self, name)
            parts += [f"{name} {value!r}"] if value else []
        return ", ".join(parts)

    def _of_provider(self, failure: Failure) -> bool:
        wanted, host = self.provider.lower(), failure.host.lower()
        return not wanted or wanted in (failure.provider, host, _without_port(host))


@dataclass(frozen=True, slots=True)
class CauseTable:
    """The table in force: the closed causes, with a file's rules and routes.

    `routes` holds only what a file changed.
    """

    rules: tuple[Rule, ...] = ()
    routes: Mapping[str, Route] = field(default_factory=dict)

    def cause_of(self, failure: Failure) -> Cause:
        """Return the cause of a failure, with the route in force."""
        for rule in self.rules:
            if rule.matches(failure):
                return self[rule.cause]
        return self[_built_in(failure).name]

    def __getitem__(self, name: str) -> Cause:
        """Return a cause with the route in force. Raises KeyError for what the table has not."""
        cause = CAUSES[name]
        route = self.routes.get(name, cause.route)
        return cause if route is cause.route else replace(cause, route=route)

    def get(self, name: str) -> Cause | None:
        """Return a cause with the route in force, or None for what the table has not."""
        return self[name] if name in CAUSES else None


#: The table without any file.
BUILT_IN = CauseTable()


def _built_in(failure: Failure) -> Cause:
    if failure.broken is not None:
        return CAUSES[failure.broken] if failure.broken in BREAKS else CAUSES["malformed_reply"]
    if failure.status is None:
        return CAUSES["malformed_reply"]
    plain = classify_status(failure.status)
    by_code = (classify_status(failure.status, code) for code in failure.codes)
    return next((cause for cause in by_code if cause is not plain), plain)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
