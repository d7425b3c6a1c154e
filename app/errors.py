"""The error tree. Errors carry facts, callers match on type, never on text.

AnswerloopError
├── SettingsError                 a setting is unknown, wrong or contradictory (exit code 2)
├── InputError                    a file or request of the user's is wrong (exit code 2)
├── NotFoundError                 nothing has that name or id (exit code 3)
├── UnavailableError              an outside system can't be reached (exit code 4)
│   ├── BrokerUnavailable
│   ├── StoreUnavailable
│   │   └── RowLocked             somebody else holds a row of this work: only this work waits
│   ├── CacheUnavailable
│   └── ScorerUnavailable
├── ScoreFailure                  the scorer answered, but not with a score
└── LlmFailed                     one model call failed, with its cause
    ├── LlmOverloaded             worth another try after the overload wait
    ├── LlmQuotaExceeded          worth another try after the quota wait
    └── LlmRejected               asking again the same way is of no use
"""

from __future__ import annotations

from app.core.failures import Cause, Route


class AnswerloopError(Exception):
    """Root of every error that this project raises on purpose. `exit_code` is for the commands."""

    exit_code = 1


class SettingsError(AnswerloopError):
    """A setting can't be used. `name` is the environment variable, where there is one."""

    exit_code = 2

    def __init__(self, message: str, *, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name


class InputError(AnswerloopError):
    """A file or request can't be used. `field` names the part that is wrong."""

    exit_code = 2

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotFoundError(AnswerloopError):
    """Nothing has that name or id."""

    exit_code = 3


class UnavailableError(AnswerloopError):
    """An outside system can't be reached now; trying again later may work.

    `retry_after_seconds` is when, where somebody knows.
    """

    exit_code = 4
    retry_after_seconds: float | None = None


class BrokerUnavailable(UnavailableError):
    """The broker does not take or give messages."""


class StoreUnavailable(UnavailableError):
    """The database can't be reached, or refuses work for now."""


class RowLocked(StoreUnavailable):
    """Somebody else holds a row that this work needs. The database is there: others go on."""


class CacheUnavailable(UnavailableError):
    """The cache can't be reached."""


class ScorerUnavailable(UnavailableError):
    """The scorer can't be reached or loaded, or takes no more for now."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ScoreFailure(AnswerloopError):
    """The scorer ran, but gave no usable score for a pair (NaN, an error of the library)."""


class LlmFailed(AnswerloopError):
    """One model call failed. `retry_after_seconds` is what the server asked for, if it did."""

    def __init__(
        self,
        cause: Cause,
        detail: str,
        *,
        status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{cause.name}: {detail}")
        self.cause = cause
        self.detail = detail
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class LlmOverloaded(LlmFailed):
    """The server is busy, slow, broken or away."""


class LlmQuotaExceeded(LlmFailed):
    """The server limits the rate."""


class LlmRejected(LlmFailed):
    """The server will not answer this request however often it is sent."""


def llm_failed(
    cause: Cause,
    detail: str,
    *,
    status: int | None = None,
    retry_after_seconds: float | None = None,
) -> LlmFailed:
    """Return the error of a cause's route."""
    kind = {
        Route.OVERLOAD: LlmOverloaded,
        Route.QUOTA: LlmQuotaExceeded,
        Route.DEAD: LlmRejected,
    }[cause.route]
    return kind(cause, detail, status=status, retry_after_seconds=retry_after_seconds)
