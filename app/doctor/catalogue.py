"""The one list of checks, and how some of them are chosen. Importing it loads none of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from app.doctor.check import Check
from app.errors import NotFoundError

CHECKS: tuple[Check, ...] = (
    Check(
        "settings",
        "settings",
        "settings load, and where each that is set comes from",
        "configuration:settings",
    ),
    Check(
        "retries",
        "settings",
        "retries and generations against DEADLINE_SECONDS",
        "configuration:retries",
    ),
    Check("python", "software", "the version of Python", "versions:python"),
    Check(
        "libraries",
        "software",
        "libraries against the ranges that they must be in",
        "versions:libraries",
    ),
    Check(
        "broker", "broker", "the broker is reached: version, cluster", "broker:broker", seconds=25
    ),
    Check(
        "broker-addresses",
        "broker",
        "each broker is reached where it sends clients to (advertised.listeners)",
        "broker:broker_addresses",
        seconds=25,
        needs="broker",
    ),
    Check("topics", "broker", "the topics are there", "topics:topics", seconds=25, needs="broker"),
    Check(
        "topic-partitions",
        "broker",
        "the question topics have equal partitions, as PARTITIONS says",
        "topics:partitions",
        seconds=25,
        needs="broker",
    ),
    Check(
        "topic-retention",
        "broker",
        "records are kept longer than a question may be on its way",
        "topics:retention",
        seconds=25,
        needs="broker",
    ),
    Check(
        "topic-changelogs",
        "broker",
        "changelogs are compacted",
        "topics:changelogs",
        seconds=25,
        needs="broker",
    ),
    Check(
        "topic-message-bytes",
        "broker",
        "the longest messages fit (max.message.bytes)",
        "topics:message_bytes",
        seconds=25,
        needs="broker",
    ),
    Check(
        "topic-replication",
        "broker",
        "copies: as many as REPLICATION_FACTOR, in sync, enough for min.insync.replicas",
        "topics:replication",
        seconds=25,
        needs="broker",
    ),
    Check(
        "consumer-groups",
        "broker",
        "members, lag that stands still, a group id that another app uses",
        "groups:groups",
        seconds=40,
        needs="broker",
    ),
    Check(
        "log-integrity",
        "embedded log",
        "SQLite finds the file whole",
        "embedded_log:integrity",
        seconds=30,
    ),
    Check(
        "log-space", "embedded log", "its size against what is free beside it", "embedded_log:space"
    ),
    Check(
        "log-owner",
        "embedded log",
        "which process holds it, and a lock left behind",
        "embedded_log:owner",
    ),
    Check(
        "database",
        "database",
        "PostgreSQL is reached: version, encoding, writable",
        "database:database",
        seconds=80,
    ),
    Check(
        "database-schema",
        "database",
        "its migrations against those of this version",
        "database:schema",
        seconds=15,
        needs="database",
    ),
    Check(
        "database-permissions",
        "database",
        "tables can be made, read and written",
        "database:permissions",
        seconds=15,
        needs="database",
    ),
    Check(
        "database-connections",
        "database",
        "connections left against the pools of one more worker",
        "database_health:connections",
        seconds=15,
        needs="database",
    ),
    Check(
        "database-clock",
        "database",
        "its clock against this machine's",
        "database_health:clock",
        seconds=15,
        needs="database",
    ),
    Check(
        "database-durability",
        "database",
        "fsync, full_page_writes, synchronous_commit",
        "database_health:durability",
        seconds=15,
        needs="database",
    ),
    Check(
        "database-tables",
        "database",
        "sizes, dead rows, autovacuum",
        "database_health:tables",
        seconds=15,
        needs="database",
    ),
    Check("cache", "cache", "Redis is reached: version, role", "cache:cache"),
    Check(
        "cache-policy",
        "cache",
        "maxmemory and what goes when it is full",
        "cache:policy",
        needs="cache",
    ),
    Check(
        "model",
        "model",
        "the server is reached, the models that are named are there",
        "model:model",
        seconds=15,
    ),
    Check(
        "model-call",
        "model",
        "a tiny call: latency, tokens (only with --call)",
        "model:call",
        seconds=120,
        needs="model",
    ),
    Check(
        "scorer",
        "scorer",
        "packages and model files, or the score server's model",
        "scorer:scorer",
        seconds=25,
    ),
    Check(
        "gate",
        "scorer",
        "the gate in force, measured with the scorer in force",
        "scorer:gate",
        seconds=15,
        needs="scorer",
    ),
    Check(
        "gate-check",
        "scorer",
        "what the last `gate check` found",
        "scorer:gate_check",
        seconds=15,
        needs="gate",
    ),
    Check(
        "scorer-call",
        "scorer",
        "one pair scored (only with --call)",
        "scorer:call",
        seconds=120,
        needs="scorer",
    ),
    Check("disk", "machine", "space and inodes under DATA_DIR", "host:disk"),
    Check("data-dir", "machine", "DATA_DIR can be written, or made", "host:data_folder"),
    Check(
        "open-files",
        "machine",
        "limit of open files against calls and connections",
        "host:open_files",
    ),
    Check("memory", "machine", "memory against scorer and bundled model", "host:memory"),
    Check("cpu", "machine", "processor features that scorer and bundled model want", "host:cpu"),
    Check("threads", "machine", "SCORER_THREADS against the cores", "host:threads"),
    Check("clock", "machine", "the clock is synchronised", "host:clock"),
    Check("tmp", "machine", "temporary files can be written", "host:temporary_files"),
    Check("locale", "machine", "texts are UTF-8", "host:locale"),
    Check("speed", "machine", "optional packages that make work quicker", "host:speed"),
    Check("http-token", "security", "who may reach and write to the API", "security:http_token"),
    Check(
        "secret-files",
        "security",
        "files with secrets that others may read",
        "security:secret_files",
    ),
    Check(
        "plain-passwords",
        "security",
        "passwords that travel in the clear",
        "security:plain_passwords",
    ),
    Check(
        "worker",
        "worker",
        "a running worker: ready, healthy, of this version",
        "engine:worker",
        seconds=20,
    ),
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
    return named(check.name for check in CHECKS if {check.name, check.area} & set(names))


def named(names: Iterable[str]) -> tuple[Check, ...]:
    """Return the checks of exactly these names, and those that they need."""
    wanted = set(names)
    by_name = {check.name: check for check in CHECKS}
    for name in list(wanted):
        needed = by_name[name].needs
        while needed is not None:
            wanted.add(needed)
            needed = by_name[needed].needs
    return tuple(check for check in CHECKS if check.name in wanted)
