"""The database as its checks see it: found, asked, and PostgreSQL's own tools as mends."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from app.adapters.store.postgres.pool import translate, where, wrong_address
from app.doctor.check import Site
from app.doctor.outcome import Mend, advice, command
from app.settings import Settings

_CONNECT_SECONDS = 4.0
_COMMAND_SECONDS = 8.0


def find_database(site: Site) -> str | None:
    """Return the address of the database, an embedded one started if nobody runs it.

    None where there is none: in memory, or not made yet. Raises SettingsError, UnavailableError.
    """
    settings = site.settings
    if settings.database == "memory:":
        return None
    if settings.database != "embedded:":
        return settings.database
    from app.adapters.embedded_postgres.files import Installation
    from app.adapters.embedded_postgres.server import EmbeddedPostgres, EmbeddedPostgresBusy
    from app.opening import embedded_database_folder

    folder = embedded_database_folder(settings)
    if not (folder / "postgres").exists():
        return None
    server = EmbeddedPostgres(folder)
    try:
        dsn = server.start()
    except EmbeddedPostgresBusy:
        return Installation.of_running(folder).dsn
    site.closers.append(server.stop)
    return dsn


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    """Give a connection. Raises what the driver does (see `told`), SettingsError."""
    try:
        connection = await asyncpg.connect(
            dsn,
            timeout=_CONNECT_SECONDS,
            command_timeout=_COMMAND_SECONDS,
            server_settings={"application_name": "answerloop-doctor"},
        )
    except (ValueError, asyncpg.ClientConfigurationError):
        raise wrong_address() from None
    try:
        yield connection
    finally:
        connection.terminate()


def told(error: Exception, dsn: str) -> str | None:
    """Return what the driver's error means, in words without secrets; None for a defect of ours."""
    ours = translate(error, where(dsn))
    return None if ours is None else str(ours)


def psql(settings: Settings, dsn: str, *statements: str, user: str | None = None) -> Mend:
    """Return the command that runs SQL, as `user` if it must be another one. No password in it."""
    asked = " ".join(f"-c {shlex.quote(each)}" for each in statements)
    return command(f"psql {address(settings, dsn, user)} {asked}")


def switch(
    settings: Settings, dsn: str, name: str, value: str, source: str, database: str, user: str
) -> Mend:
    """Return what gives a parameter of PostgreSQL another value, where its present one comes from.

    `source` is that of `pg_settings`; `database` and `user` are those of the connection.
    """
    if source == "command line":
        return advice(f"start PostgreSQL with -c {name}={value}, or without that option")
    if source == "client":
        return advice(f"take {name} out of ANSWERLOOP_DATABASE and PGOPTIONS")
    if source == "database":
        change = [f'ALTER DATABASE "{database}" RESET {name}']
    elif source == "user":
        change = [f'ALTER ROLE "{user}" RESET {name}']
    elif source == "database user":
        change = [f'ALTER ROLE "{user}" IN DATABASE "{database}" RESET {name}']
    else:
        change = [f"ALTER SYSTEM SET {name} = {value}", "SELECT pg_reload_conf()"]
    if name == "default_transaction_read_only":  # else this very session could not change it
        change.insert(0, f"SET {name} = off")
    return psql(settings, dsn, *change)


def address(settings: Settings, dsn: str, user: str | None = None) -> str:
    """Return host, port, user and database as PostgreSQL's programs take them."""
    parts = urlsplit(settings.database if "://" in settings.database else dsn)
    query = parse_qs(parts.query)
    host = parts.hostname or query.get("host", ["localhost"])[0]
    options = [f"-h {shlex.quote(unquote(host))}"]
    if parts.port:
        options.append(f"-p {parts.port}")
    if name := user or unquote(parts.username or ""):
        options.append(f"-U {shlex.quote(name)}")
    if database := unquote(parts.path.lstrip("/")):
        options.append(f"-d {shlex.quote(database)}")
    return " ".join(options)


async def owners(connection: Any, tables: Sequence[str]) -> dict[str, str]:
    """Return who owns each of the tables that are there."""
    rows = await connection.fetch(
        "SELECT tablename, tableowner FROM pg_tables"
        " WHERE schemaname = current_schema() AND tablename = ANY($1)",
        list(tables),
    )
    return {row["tablename"]: row["tableowner"] for row in rows}
