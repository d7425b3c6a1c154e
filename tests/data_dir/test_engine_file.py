"""How commands tell a running engine from what a killed one left behind."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from app.data_dir.engine_file import engine_file, running_engine
from app.settings import Settings, load_settings


def left_by(settings: Settings, pid: int, port: int) -> None:
    text = json.dumps({"pid": pid, "url": f"http://127.0.0.1:{port}"})
    engine_file(settings).write_text(text, encoding="utf-8")


def test_an_engine_runs_when_its_process_lives_and_listens(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    assert running_engine(settings) is None
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        left_by(settings, os.getppid(), port)
        assert running_engine(settings) == f"http://127.0.0.1:{port}"


def test_a_pid_that_another_process_has_by_now_is_no_engine(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    left_by(settings, os.getppid(), port)
    assert running_engine(settings) is None
