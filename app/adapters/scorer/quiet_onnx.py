"""ONNX Runtime, which from 1.29 on reports its use to its maker unless it is told not to."""

from __future__ import annotations

import os
from types import ModuleType

#: Read once, as the package is imported: `disable_telemetry_events` comes too late for some of it.
OFF = "ORT_DISABLE_TELEMETRY"


def import_onnxruntime() -> ModuleType:
    """Import it with its telemetry off, unless the user has set OFF. Raises ImportError."""
    os.environ.setdefault(OFF, "1")
    import onnxruntime

    return onnxruntime  # type: ignore[no-any-return]
