"""Checks of how the database does: connections left, clock, durability, dead rows."""

from __future__ import annotations

import time
from typing import Any

from app.doctor.check import Site
from app.doctor.database import our_tables
from app.doctor.host import pool_connections
from app.doctor.outcome import (
    Mend,
    Outcome,
    advice,
    command,
    ok,
    problem,
    skipped,
    together,
    warning,
)
from app.doctor.postgres import connected, psql, switch

_NONE = "there is no database to look at yet"
#: Due times and leases are compared between workers and the database.
_LITTLE_SKEW_SECONDS, _MUCH_SKEW_SECONDS = 1.0, 10.0
_DEAD_ROWS = 10_000

_CONNECTIONS = """
SELECT current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int AS most,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS used,
    (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'answerloop')::int AS ours,
    datconnlimit AS of_database,
    (SELECT count(*) FROM pg_stat_activity a WHERE a.datname = d.datname)::int AS used_of_database,
    rolconnlimit AS of_user,
    (SELECT count(*) FROM pg_stat_activity WHERE usename = rolname)::int AS used_of_user,
    d.datname::text AS database, rolname::text AS user
FROM pg_database d, pg_roles WHERE datname = current_database() AND rolname = current_user
"""
_DURABLE = """
SELECT name, setting, source FROM pg_settings
WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting = 'off' ORDER BY name
"""
_DEAD = """
SELECT relname::text AS name, n_live_tup AS live, n_dead_tup AS dead,
    pg_size_pretty(pg_total_relation_size(relid)) AS size
FROM pg_stat_user_tables
WHERE schemaname = current_schema() AND relname = ANY($1)
ORDER BY pg_total_relation_size(relid) DESC
"""


async def connections(site: Site) -> Outcome:
    """Look whether one more worker finds the connections that it may open."""
    if site.dsn is None:
        return skipped(_NONE)
    async with connected(site.dsn) as connection:
        row = await connection.fetchrow(_CONNECTIONS)
    need = pool_connections(site.settings)
    limits = [
        ("the server", row["most"], row["used"], _more_of_server(site, row, need)),
        ("the database", row["of_database"], row["used_of_database"], _more_of_database(site, row)),
        ("the user", row["of_user"], row["used_of_user"], _more_of_user(site, row)),
    ]
    found = []
    for whose, most, used, mend in limits:
        if most >= 0 and most - used < need:
            seen = (
                f"{max(0, most - used)} of {most} connections of {whose} are left, one worker may"
                f" open {need}"
            )
            found.append((problem if most - used < 3 else warning)(seen, mend))
    left = row["most"] - row["used"]
    return together(
        found,
        f"{left} of {row['most']} left ({row['ours']} by workers); one worker opens {need} at most",
    )


def _more_of_server(site: Site, row: Any, need: int) -> Mend:
    more = row["used"] + 2 * need + 10
    return advice(
        f"end sessions that nobody uses, or set max_connections = {more} and restart PostgreSQL:"
        f" {psql(site.settings, site.dsn or '', f'ALTER SYSTEM SET max_connections = {more}').text}"
    )


def _more_of_database(site: Site, row: Any) -> Mend:
    return psql(
        site.settings,
        site.dsn or "",
        f'ALTER DATABASE "{row["database"]}" CONNECTION LIMIT -1',
    )


def _more_of_user(site: Site, row: Any) -> Mend:
    return psql(site.settings, site.dsn or "", f'ALTER ROLE "{row["user"]}" CONNECTION LIMIT -1')


async def clock(site: Site) -> Outcome:
    if site.dsn is None:
        return skipped(_NONE)
    async with connected(site.dsn) as connection:
        before = time.monotonic()
        theirs = float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))
        both_ways = time.monotonic() - before
    skew = site.machine.now() - both_ways / 2 - theirs
    uncertain = both_ways / 2
    seen = f"this machine is {skew:+.3f} s against the database (+- {uncertain:.3f} s)"
    amount = max(0.0, abs(skew) - uncertain)
    if amount < _LITTLE_SKEW_SECONDS:
        return ok(seen)
    mends = (
        advice("synchronise the clock that is wrong, of this machine or of the database's:"),
        command("sudo timedatectl set-ntp true"),
    )
    return (problem if amount >= _MUCH_SKEW_SECONDS else warning)(seen, *mends)


async def durability(site: Site) -> Outcome:
    """Look whether PostgreSQL may forget what it has acknowledged."""
    if site.dsn is None:
        return skipped(_NONE)
    dsn = site.dsn
    async with connected(dsn) as connection:
        rows = await connection.fetch(_DURABLE)
        names = await connection.fetchrow("SELECT current_database()::text, current_user::text")
    found = [
        warning(
            f"{row['name']} is off (by {row['source']}): a crash of the server loses answers that"
            " were acknowledged",
            switch(site.settings, dsn, row["name"], "on", row["source"], *names),
        )
        for row in rows
    ]
    return together(found, "fsync, full_page_writes and synchronous_commit are on")


async def tables(site: Site) -> Outcome:
    """Look at dead rows, which make tables grow and queries slow, and at what removes them."""
    if site.dsn is None:
        return skipped(_NONE)
    async with connected(site.dsn) as connection:
        rows = await connection.fetch(_DEAD, our_tables())
        cleaning = await connection.fetchval("SELECT current_setting('autovacuum')") == "on"
    if not rows:
        return skipped("there is no table yet")
    found = [
        warning(
            f"{row['name']} has {row['dead']:,} dead rows beside {row['live']:,} ({row['size']})",
            psql(site.settings, site.dsn, f"VACUUM (ANALYZE) {row['name']}"),
        )
        for row in rows
        if row["dead"] > _DEAD_ROWS and row["dead"] > row["live"]
    ]
    if not cleaning:
        on = psql(
            site.settings, site.dsn, "ALTER SYSTEM SET autovacuum = on", "SELECT pg_reload_conf()"
        )
        found.append(warning("autovacuum is off: dead rows stay", on))
    largest = ", ".join(f"{row['name']} {row['size']}" for row in rows[:3])
    return together(found, f"largest: {largest}")
