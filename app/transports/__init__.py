"""The Faust transports of answerloop: strict Kafka, and an embedded log.

`register()` makes the broker URLs `strict://host:9092`, `log:///folder` and `memory://name` known
to Faust; `StreamApp` is the app class to use with them. See docs/transports.md.
"""

from app.transports.drivers import register
from app.transports.embedded import (
    LogError,
    LogInUse,
    NewRecord,
    Storage,
    TopicInfo,
    close_storage,
    log_url,
    storage_for,
)
from app.transports.faust_app import StreamApp
from app.transports.records import RawRecord, TopicPlan
from app.transports.strict import StrictConsumer, StrictProducer, Stuck

__all__ = [
    "LogError",
    "LogInUse",
    "NewRecord",
    "RawRecord",
    "Storage",
    "StreamApp",
    "StrictConsumer",
    "StrictProducer",
    "Stuck",
    "TopicInfo",
    "TopicPlan",
    "close_storage",
    "log_url",
    "register",
    "storage_for",
]
