"""What can go wrong with the embedded log.

LogError
├── LogInUse       another process has it open
├── LogClosed      it was closed while this was waiting
├── GroupInUse     another engine of this process is the group's one member
└── UnknownTopic   nobody created that topic
"""

from __future__ import annotations

from pathlib import Path


class LogError(Exception):
    """Root of the embedded log's errors."""


class LogInUse(LogError):
    """Another process has the log open: only one may write it."""

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"the log in {path} is in use by {holder}")
        self.path = path
        self.pid = pid


class LogClosed(LogError):
    """The log was closed."""


class UnknownTopic(LogError):
    """The topic does not exist in this log."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"no topic {topic!r} in this log")
        self.topic = topic


class GroupInUse(LogError):
    """A consumer of this process is the one member of the group on this log already."""

    def __init__(self, group: str) -> None:
        super().__init__(
            f"group {group!r} has a member on this log already: an embedded log serves one engine "
            "of an APP_ID; stop that one first, or use another ANSWERLOOP_APP_ID"
        )
