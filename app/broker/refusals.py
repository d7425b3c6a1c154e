"""Writes that a broker refuses whenever they come, however often."""

from __future__ import annotations


def is_too_large(error: BaseException) -> bool:
    """Tell whether a message was over the broker's limit, or the topic's (`max.message.bytes`)."""
    from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

    return isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError)
