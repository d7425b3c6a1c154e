"""A log inside the process: one Faust driver on two storages, memory and SQLite."""

from app.transports.embedded.errors import LogClosed, LogError, LogInUse, UnknownTopic
from app.transports.embedded.storage import NewRecord, Storage, TopicInfo
from app.transports.embedded.urls import close_storage, log_url, storage_for

__all__ = [
    "LogClosed",
    "LogError",
    "LogInUse",
    "NewRecord",
    "Storage",
    "TopicInfo",
    "UnknownTopic",
    "close_storage",
    "log_url",
    "storage_for",
]
