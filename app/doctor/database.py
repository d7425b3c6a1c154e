"""Checks of the database: reached, migrated, writable."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from app.adapters.store.postgres.migrate import load, status
from app.doctor.check import Site
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
from app.doctor.postgres import address, connected, find_database, owners, psql, switch, told
from app.errors import SettingsError
from app.settings import PREFIX

_OLDEST = 13
_NONE = "there is no database to look at yet"
_LACKING = """
SELECT name FROM unnest($1::text[]) AS name,
    unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS right_
WHERE NOT has_table_privilege(format('%I.%I', current_schema(), name), right_) GROUP BY name
"""
_SCHEMA = """
SELECT nspname::text, CASE nspowner::regrole::text WHEN 'pg_database_owner'
    THEN (SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database())
    ELSE nspowner::regrole::text END
FROM pg_namespace WHERE nspname = coalesce(current_schema(), 'public')
"""
_TABLE = re.compile(r"(?im)^CREATE TABLE (?:IF NOT EXISTS )?(\w+)")


async def database(site: Site) -> Outcome:
    """Reach the database; the other checks of it use the address that is found here."""
    dsn = find_database(site)
    if dsn is None:
        memory = site.settings.database == "memory:"
        return ok(
            "in memory, gone with the process"
            if memory
            else "embedded, not made yet: the first start makes it"
        )
    try:
        async with connected(dsn) as connection:
            row = await connection.fetchrow(
                "SELECT current_setting('server_version') AS version,"
                " current_setting('server_version_num')::int AS number,"
                " pg_is_in_recovery() AS standby,"
                " current_setting('default_transaction_read_only') AS closed,"
                " (SELECT source FROM pg_settings WHERE name = 'default_transaction_read_only')"
                "   AS closed_by, current_user::text AS user,"
                " pg_encoding_to_char(encoding) AS encoding, datname AS name"
                " FROM pg_database WHERE datname = current_database()"
            )
    except SettingsError:
        raise
    except Exception as error:
        words = told(error, dsn)
        if words is None:
            raise
        return problem(words, *_away(site, dsn, error))
    site.dsn = dsn
    return _usable(site, dsn, row)


def _usable(site: Site, dsn: str, row: Any) -> Outcome:
    seen = f"PostgreSQL {row['version']}, database {row['name']}"
    if row["standby"]:
        return problem(f"{seen} is a standby: it can't be written", _other_server())
    if row["closed"] == "on":
        words = f"{seen} is closed for writing (default_transaction_read_only)"
        where = (row["closed_by"], row["name"], row["user"])
        mend = switch(site.settings, dsn, "default_transaction_read_only", "off", *where)
        return problem(words, mend)
    if row["encoding"] != "UTF8":
        return problem(
            f"{seen} is encoded in {row['encoding']}: texts of other languages are refused",
            advice("make a database with UTF-8: createdb -E UTF8 -T template0 NAME"),
            _other_server(),
        )
    if row["number"] // 10_000 < _OLDEST:
        return warning(f"{seen} is older than {_OLDEST}, which is not tried", _other_server())
    return ok(seen)


def _away(site: Site, dsn: str, error: Exception) -> list[Mend]:
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        options, _, name = address(site.settings, dsn).rpartition(" -d ")
        return [command(f"createdb {options} {name}")]
    if isinstance(error, asyncpg.exceptions.InvalidAuthorizationSpecificationError):
        user = unquote(urlsplit(dsn).username or "")
        return [
            advice(f"is the password right, and does pg_hba.conf let {user or 'this user'} in?"),
            _other_server(),
        ]
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return [advice("end sessions that nobody uses, or raise max_connections")]
    return [
        advice("start PostgreSQL, or see why it can't be reached (firewall, DNS, TLS)"),
        _other_server(),
    ]


def _other_server() -> Mend:
    return setting(f"{PREFIX}DATABASE=postgresql://USER@HOST:5432/NAME")


async def schema(site: Site) -> Outcome:
    """Compare the migrations that were applied with those that this version has."""
    if site.dsn is None:
        return skipped(_NONE)
    try:
        steps = await status(site.dsn)
    except SettingsError as error:
        return problem(str(error), command("pip install --upgrade answerloop"))
    pending = [name for _, name, applied_at in steps if applied_at is None]
    if not pending:
        return ok(f"all {len(steps)} migrations are applied")
    mend = command("answerloop db migrate")
    if len(pending) == len(steps):
        return warning("empty: the first start of a worker makes the tables", mend)
    return problem(f"{len(pending)} of {len(steps)} migrations are missing: {pending[0]} ...", mend)


async def permissions(site: Site) -> Outcome:
    """Look whether tables can be made and written: privileges, and a table made and rolled back."""
    if site.dsn is None:
        return skipped(_NONE)
    async with connected(site.dsn) as connection:
        user = await connection.fetchval("SELECT current_user")
        held = await owners(connection, our_tables())
        rows = await connection.fetch(_LACKING, list(held))
        if lacking := sorted(row["name"] for row in rows):
            grant = f'GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(lacking)} TO "{user}"'
            owner = held[lacking[0]]
            return problem(
                f"{user} may not read and write {', '.join(lacking)}, which {owner} owns",
                psql(site.settings, site.dsn, grant, user=owner),
            )
        trying = connection.transaction()
        await trying.start()
        try:
            await connection.execute("CREATE TABLE answerloop_doctor_probe (x int)")
            await connection.execute("INSERT INTO answerloop_doctor_probe VALUES (1)")
        except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidSchemaNameError) as error:
            await trying.rollback()
            schema_name, owner = await connection.fetchrow(_SCHEMA)
            grant = f'GRANT CREATE ON SCHEMA "{schema_name}" TO "{user}"'
            mend = psql(site.settings, site.dsn, grant, user=owner)
            words = f"{user} can't make tables ({error})"
            if held:
                return warning(f"{words}: another user must apply migrations", mend)
            return problem(words, mend)
        await trying.rollback()
    return ok(f"{user} can make tables, and write the {len(held)} that are there")


def our_tables() -> list[str]:
    """Return the tables that the migrations make."""
    made = [name for step in load() for name in _TABLE.findall(step.sql)]
    return sorted({*made, "schema_migrations"})
