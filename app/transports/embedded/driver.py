"""The Faust transport driver on an embedded log (`memory://` and `log://`)."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from faust.transport import base

from app.transports.embedded.consumer import Consumer
from app.transports.embedded.producer import Producer
from app.transports.embedded.storage import Storage
from app.transports.embedded.urls import storage_for


class Transport(base.Transport):
    """Opens the log when it is first used, not when the app is made."""

    Consumer: ClassVar[type] = Consumer
    Producer: ClassVar[type] = Producer
    driver_version = "embedded"
    default_port = 0

    @cached_property
    def storage(self) -> Storage:
        return storage_for(self.url[0])
