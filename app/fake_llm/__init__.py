"""A fake model server that speaks the protocols of real ones, with every fault on demand."""

from app.fake_llm.answers import ReferenceAnswers, echo
from app.fake_llm.calls import read_calls
from app.fake_llm.capacity import Limits
from app.fake_llm.faults import FAULTS
from app.fake_llm.modes import MODES
from app.fake_llm.protocols import answer_body, error_body
from app.fake_llm.script import Phase, Script
from app.fake_llm.server import FakeModelServer
from app.fake_llm.sockets import free_port, unaccepting_port
from app.fake_llm.steps import Call, Step

__all__ = [
    "FAULTS",
    "MODES",
    "Call",
    "FakeModelServer",
    "Limits",
    "Phase",
    "ReferenceAnswers",
    "Script",
    "Step",
    "answer_body",
    "echo",
    "error_body",
    "free_port",
    "read_calls",
    "unaccepting_port",
]
