"""What a child process does to itself before it becomes the program that is wanted.

`through_launcher` returns the command to start: a bare interpreter that runs this file by its
path, changes what is asked for, and becomes the program; the process id stays. Nothing of that may
be done between fork and exec (`preexec_fn`): Python's code is not safe there in a process with
threads, least of all with libraries that start new ones after a fork.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

#: Exit codes of a program that can't be run, and of one that is not there (as those of `env`).
NOT_RUN = 126
NOT_FOUND = 127

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_NOBODY = 65534


def through_launcher(
    command: Sequence[str],
    *,
    death_signal: int | None = None,
    account: tuple[int, int] | None = None,
    namespaced: bool = False,
) -> list[str]:
    """Return a command that becomes `command`, with its own exit code 126 or 127 where it can't.

    `death_signal` is sent to it when the thread that started it ends (Linux only). `account` is a
    user and a group to run as. `namespaced`: as nobody to itself, in a user namespace, and still as
    us to the file system.
    """
    wanted = {
        "parent": os.getpid(),
        "death_signal": death_signal,
        "account": account,
        "namespaced": namespaced,
    }
    return [sys.executable, "-I", "-S", __file__, json.dumps(wanted), *command]


def become(wanted: dict[str, Any], command: list[str]) -> NoReturn:
    """Change this process as wanted, and run the program in its place."""
    if wanted["account"] is not None:
        uid, gid = wanted["account"]
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if wanted["namespaced"]:
        _enter_namespace()
    if wanted["death_signal"] is not None and sys.platform.startswith("linux"):
        # After the change of the account, which would clear it.
        _call("prctl", _PR_SET_PDEATHSIG, wanted["death_signal"], 0, 0, 0)
        if os.getppid() != wanted["parent"]:  # it ended before the signal was set
            sys.exit(1)
    for name in ("SIGPIPE", "SIGXFSZ"):  # which Python ignores, and the program would go on to
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - a program of the caller's choice


def _enter_namespace() -> None:
    _call("unshare", _CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{_NOBODY} 0 1"),
        ("gid_map", f"{_NOBODY} 0 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - without pathlib's import
            file.write(text)


def _call(name: str, *arguments: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def main() -> NoReturn:
    wanted, command = json.loads(sys.argv[1]), sys.argv[2:]
    try:
        become(wanted, command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUN)


if __name__ == "__main__":
    main()
