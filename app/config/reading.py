"""Where settings are written, and the words for what is wrong there."""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from app.errors import SettingsError

PREFIX = "ANSWERLOOP_"


def dotenv() -> dict[str, Any]:
    """Return the variables of the `.env` file. Raises SettingsError when it can't be read."""
    from dotenv import dotenv_values

    try:
        return dict(dotenv_values(".env"))
    except UnicodeDecodeError:
        raise SettingsError(f"{Path('.env').absolute()} is not UTF-8: save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(
            f"{Path('.env').absolute()} can't be read ({error.strerror or error}): make it readable"
            " for this user, or move it away"
        ) from None


def standard_number(name: str, default: int) -> int:
    """Return a variable of another standard (OTEL_...); the default when it is no number."""
    try:
        return int(os.environ.get(name, default))
    except ValueError:
        return default


def refuse_unknown_names(names: Mapping[str, Any], where: str, known: Collection[str]) -> None:
    """Refuse a variable with our prefix that is no setting, and say which one it may mean."""
    for name in names:
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known or upper.startswith(PREFIX + "TEST_"):
            continue
        bare = [each.removeprefix(PREFIX) for each in known]
        near = difflib.get_close_matches(upper.removeprefix(PREFIX), bare, n=1)
        hint = (
            f"; did you mean {PREFIX}{near[0]}?" if near else "; `answerloop config show` lists all"
        )
        raise SettingsError(f"{name} in {where} is no setting{hint}", name=name)


def first_error(error: ValidationError, settings: type[BaseSettings]) -> SettingsError:
    """Return what pydantic found, as one line that names the setting and how it may look."""
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else None
    message = first["msg"].removeprefix("Value error, ")
    if field is None:
        return SettingsError(message)
    name = PREFIX + field.upper()
    default = settings.model_fields[field].default
    example = f" (for example {name}={default})" if default is not None else ""
    return SettingsError(f"{name}: {message}{example}", name=name)


def loopback(host: str) -> bool:
    """Tell whether an address is of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
