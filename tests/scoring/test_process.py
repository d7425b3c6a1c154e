"""`answerloop score-server` as a process: its first line, its stop, what stops its start."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from app.adapters.scorer.bertscore import BertScoreScorer
from app.scoring.server import ScoreServer
from app.settings import load_settings
from tests.adapters.scorer.contract import FRANCE, PARAPHRASE, UNRELATED
from tests.scoring.test_server import Client, serving

SERVER = [sys.executable, "-m", "app.cli.main", "score-server", "--port", "0"]


def run_server(folder: Path, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        SERVER,
        env={"PATH": "/usr/bin", **{f"ANSWERLOOP_{k}": v for k, v in settings.items()}},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_prints_its_url_scores_and_ends_with_0_on_sigterm(tmp_path: Path) -> None:
    process = run_server(tmp_path, SCORER="memory:", DATA_DIR=str(tmp_path))
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        body = json.dumps({"candidate": "¿Qué?", "reference": "¿Qué?"}).encode()
        with urllib.request.urlopen(f"{url}/score", data=body, timeout=10) as response:
            assert json.load(response)["f1"] == 1.0
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, ""), err
    assert "stopped" in err
    assert list(tmp_path.iterdir()) == []


def test_what_it_can_not_start_with_is_one_line_and_2(tmp_path: Path) -> None:
    process = run_server(tmp_path, SCORER="http://127.0.0.1:8000")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("error: ANSWERLOOP_SCORER=")
    assert len(err.splitlines()) == 1


@pytest.mark.scorer
async def test_the_bundled_scorer_gives_the_same_figures_through_the_server() -> None:
    pytest.importorskip("bert_score")
    pairs = [(PARAPHRASE, FRANCE), (UNRELATED, FRANCE), ("París es la capital.", FRANCE)]
    direct = BertScoreScorer(threads=1)
    alone = [(await direct.score([pair]))[0] for pair in pairs]
    async with serving() as client:
        settings = load_settings(http_port=0)
        server = ScoreServer(settings, direct)
        await server.start()
        real = Client(client.session, server)
        bodies = [{"candidate": cand, "reference": ref} for cand, ref in pairs]
        status, found, _ = await real.score({"pairs": bodies})
        await server.stop()
    assert status == 200
    assert (found["scorer"], found["gate"]) == ("minilm-l6:6", "profile minilm-l6")
    for row, score in zip(found["scores"], alone, strict=True):
        assert row["recall"] == pytest.approx(score.recall, abs=1e-4)
    assert [row["verdict"] for row in found["scores"]] == ["pass", "fail", "pass"]
