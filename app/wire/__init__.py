"""The wire gate: one definition for each message, checked strictly on every topic.

`gate.py` builds a strict JSON codec from a Record's annotations, `schema.py` lets Faust use it, and
what does not fit arrives as `Rejected`, which the stage dead-letters before it acknowledges it.
"""

from app.wire.gate import WireGate, record_schemas
from app.wire.schema import MAX_VALUE_BYTES, Arrival, Chunk, RatingSchema, Rejected, TopicSchema

__all__ = [
    "MAX_VALUE_BYTES",
    "Arrival",
    "Chunk",
    "RatingSchema",
    "Rejected",
    "TopicSchema",
    "WireGate",
    "record_schemas",
]
