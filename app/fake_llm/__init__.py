"""A fake model server that speaks the protocols of real ones, with every fault on demand."""

from app.fake_llm.faults import FAULTS
from app.fake_llm.protocols import answer_body, error_body
from app.fake_llm.server import FakeModelServer, echo
from app.fake_llm.sockets import free_port, unaccepting_port
from app.fake_llm.steps import Call, Step

__all__ = [
    "FAULTS",
    "Call",
    "FakeModelServer",
    "Step",
    "answer_body",
    "echo",
    "error_body",
    "free_port",
    "unaccepting_port",
]
