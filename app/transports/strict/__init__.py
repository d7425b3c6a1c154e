"""A consumer that never commits past a message that was not acknowledged."""

from app.transports.strict.consumer import StrictConsumer, Stuck
from app.transports.strict.positions import Flight, Ledger
from app.transports.strict.producer import StrictProducer

__all__ = ["Flight", "Ledger", "StrictConsumer", "StrictProducer", "Stuck"]
