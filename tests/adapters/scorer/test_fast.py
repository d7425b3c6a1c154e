"""The fast scorer: the scorers' contract, equal figures to bert-score, graphs kept on disk."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.adapters.scorer.bertscore import load_library
from app.adapters.scorer.fast import FastScorer
from app.adapters.scorer.models import choose_encoder
from app.errors import ScoreFailure
from app.ports import KeepsReferences, Scorer
from tests.adapters.scorer.contract import FRANCE, PARAPHRASE, UNRELATED, ScorerContract

pytestmark = pytest.mark.scorer

WORDS = [
    *("París", "es", "la", "capital", "de", "Francia", ",", "¿", "verdad", "?", "Straße"),
    *("naïve", "ÉCOLE", "日本語", "の", "文章", "Привет", "мир", "مرحبا", "😀", "👩\u200d🚀"),
    *("e\u0301", "[SEP]x", "the", "quick", "brown", "fox", "-12.5", "%", "https://a.b/c?d=e"),
    *("\u200b", "\x00", "ＡＢＣ"),
]
#: Characters that MiniLM has no token for, one token, white space around and between.
UNKNOWN = st.lists(st.sampled_from("ኣ𝄞𐍈ꙮ🜁"), min_size=1, max_size=6).map(" ".join)
ONE_TOKEN = st.sampled_from(["a", "7", "?", "ኣ", "x" * 101])
#: The encoder reads 512 tokens, two of them special: at 510 words nothing is cut.
NEAR_THE_LIMIT = st.sampled_from([509, 510, 511]).map(lambda words: "the " * words)
SPACED = st.tuples(st.text("  \n\u3000\t", max_size=9), st.sampled_from(WORDS)).map(
    lambda parts: parts[0].join([parts[1]] * 4)
)
TEXTS = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(lambda w: " ".join(w * 9)),
    st.text(max_size=40),
    UNKNOWN,
    ONE_TOKEN,
    NEAR_THE_LIMIT,
    SPACED,
    st.sampled_from(["", " \n\t ", FRANCE, PARAPHRASE, "x" * 3_000]),
)


@pytest.fixture(scope="module")
def library() -> Any:
    pytest.importorskip("bert_score")
    return load_library(choose_encoder(None), 1)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the module: an export takes seconds."""
    return tmp_path_factory.mktemp("graphs")


async def opened(graphs: Path, runtime: str) -> AsyncIterator[FastScorer]:
    import torch

    scorer = FastScorer(threads=2, graph_folder=graphs)
    await scorer.check()
    torch.set_num_threads(1)  # of two that wait for each other half a minute goes by here
    assert scorer.runtime == runtime
    yield scorer
    await scorer.close()


def figures_of(library: Any, pair: tuple[str, str]) -> list[float]:
    return [column.item() for column in library.score([pair[0]], [pair[1]])]


class Figures:
    """What holds on both runtimes."""

    @settings(
        max_examples=20,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.differing_executors,
        ],
    )
    @given(pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3))
    async def test_its_figures_are_those_of_the_library(
        self, scorer: FastScorer, library: Any, pairs: list[tuple[str, str]]
    ) -> None:
        for pair, score in zip(pairs, await scorer.score(pairs), strict=True):
            ours = (score.precision, score.recall, score.f1)
            assert ours == pytest.approx(figures_of(library, pair), abs=1e-4)

    async def test_the_end_of_an_over_long_text_is_cut_and_said_so(
        self, scorer: FastScorer, library: Any
    ) -> None:
        within = "Paris is nice. " * 127 + "Very."  # 510 tokens
        pairs = [(within, FRANCE), (within + " Rome.", FRANCE), (FRANCE, within * 2)]
        scorer._next_told_at = 0.0
        with capture_logs() as lines:
            scores = await scorer.score(pairs)
            await scorer.score(pairs)
        assert [score.cut for score in scores] == [False, True, True]
        assert scores[0].recall == pytest.approx(scores[1].recall, abs=1e-6)
        for pair, score in zip(pairs, scores, strict=True):
            ours = (score.precision, score.recall, score.f1)
            assert ours == pytest.approx(figures_of(library, pair), abs=1e-4)
        assert [(each["event"], each["tokens"]) for each in lines] == [("scorer_texts_cut", 512)]

    async def test_a_pair_without_a_score_fails_alone(self, scorer: FastScorer) -> None:
        """The library's precision of a text that is only a separator is not a number."""
        with pytest.raises(ScoreFailure):
            await scorer.score([("[SEP]", FRANCE), (PARAPHRASE, FRANCE)])
        (score,) = await scorer.score([(PARAPHRASE, FRANCE)])
        assert score.f1 > 0.6

    async def test_an_encoder_that_breaks_on_one_text_spares_the_others(
        self, scorer: FastScorer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert scorer._embeddings is not None
        encoder = scorer._embeddings.encoder
        works = encoder.encode

        def breaks(batches: Any) -> Any:
            if any(tokens.shape[1] > 100 for tokens, _ in batches):
                raise RuntimeError("out of memory")
            return works(batches)

        monkeypatch.setattr(encoder, "encode", breaks)
        results = await scorer._run_batch([("word " * 200, FRANCE), (PARAPHRASE, FRANCE)])
        assert isinstance(results[0], ScoreFailure)
        assert not isinstance(results[1], Exception)
        assert results[1].f1 > 0.6


class TestOnOnnxRuntime(ScorerContract, Figures):
    @pytest.fixture
    async def scorer(self, graphs: Path) -> AsyncIterator[FastScorer]:
        for package in ("bert_score", "onnxruntime", "onnx"):
            pytest.importorskip(package)
        async for scorer in opened(graphs, "onnxruntime"):
            yield scorer


class TestOnTorch(Figures):
    @pytest.fixture
    async def scorer(
        self, graphs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[FastScorer]:
        pytest.importorskip("bert_score")
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        async for scorer in opened(graphs, "torch"):
            yield scorer


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def scores(scorer: Scorer, *pairs: tuple[str, str]) -> list[float]:
    return [score.f1 for score in await scorer.score(pairs)]


async def test_a_reference_that_comes_again_scores_the_same_and_counts_as_a_hit() -> None:
    pytest.importorskip("bert_score")
    scorer = FastScorer()
    assert isinstance(scorer, KeepsReferences)
    assert scorer.reference_hit_rate == 0.0
    first = await scores(scorer, (PARAPHRASE, FRANCE))
    assert scorer.reference_hit_rate == 0.0
    assert await scores(scorer, (PARAPHRASE, FRANCE)) == pytest.approx(first, abs=1e-6)
    assert scorer.reference_hit_rate == 0.5
    await scorer.close()


async def test_what_is_kept_is_bounded_and_the_last_used_stays() -> None:
    pytest.importorskip("bert_score")
    scorer = FastScorer(cache_bytes=40_000)
    await scores(scorer, (UNRELATED, FRANCE))
    embeddings = scorer._embeddings
    assert embeddings is not None
    others = [f"{word} is a word of its own." for word in WORDS[:20]]
    for other in others:
        await scores(scorer, (PARAPHRASE, other), (PARAPHRASE, FRANCE))
        assert 0 < embeddings.kept_bytes <= 40_000
    assert FRANCE in embeddings._kept
    assert others[0] not in embeddings._kept
    alone = FastScorer(cache_bytes=0)
    assert await scores(alone, (UNRELATED, others[0])) == pytest.approx(
        await scores(scorer, (UNRELATED, others[0])), abs=1e-6
    )
    assert alone.reference_hit_rate == 0.0
    await scorer.close()
    await alone.close()


async def test_without_onnxruntime_torch_does_it_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("bert_score")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    scorer = FastScorer(graph_folder=tmp_path / "graphs")
    with capture_logs() as lines:
        await scores(scorer, (PARAPHRASE, FRANCE))
        await scores(scorer, (PARAPHRASE, FRANCE))
    assert [line["event"] for line in lines] == ["scorer_runs_on_torch"]
    assert "pip install answerloop[onnx]" in lines[0]["why"]
    assert not (tmp_path / "graphs").exists()
    await scorer.close()


class TestGraphs:
    """The exported graph on disk."""

    @pytest.fixture(autouse=True)
    def _runtime(self) -> None:
        for package in ("bert_score", "onnxruntime", "onnx"):
            pytest.importorskip(package)

    async def check(self, folder: Path) -> tuple[FastScorer, list[str]]:
        scorer = FastScorer(graph_folder=folder)
        with capture_logs() as lines:
            await scorer.check()
        await scorer.close()
        return scorer, [line["event"] for line in lines]

    async def test_it_is_exported_once_and_ours_alone(
        self, graphs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await self.check(graphs)
        (path,) = files_in(graphs)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        monkeypatch.setattr("app.adapters.scorer.onnx_encoder.export_graph", None)
        assert (await self.check(graphs))[1] == []

    @pytest.mark.parametrize("damage", ["empty", "cut", "other weights"])
    async def test_a_broken_file_is_exported_again(
        self, graphs: Path, tmp_path: Path, damage: str
    ) -> None:
        await self.check(graphs)
        (good,) = files_in(graphs)
        content = bytearray(good.read_bytes())
        if damage == "other weights":
            middle = len(content) // 2
            content[middle : middle + 400_000] = os.urandom(400_000)
        else:
            del content[0 if damage == "empty" else len(content) // 3 :]
        path = tmp_path / good.name
        path.write_bytes(content)
        assert (await self.check(tmp_path))[1] == ["scorer_graph_broken"]
        assert path.stat().st_size == good.stat().st_size
        assert (await self.check(tmp_path))[1] == []

    async def test_a_link_in_its_place_is_replaced_not_followed(
        self, graphs: Path, tmp_path: Path
    ) -> None:
        await self.check(graphs)
        (good,) = files_in(graphs)
        target = tmp_path / "target"
        target.write_bytes(b"somebody's")
        folder = tmp_path / "graphs"
        folder.mkdir()
        (folder / good.name).symlink_to(target)
        assert (await self.check(folder))[1] == ["scorer_graph_unreadable"]
        assert target.read_bytes() == b"somebody's"
        assert not (folder / good.name).is_symlink()

    async def test_a_folder_that_can_not_be_made_is_one_warning_and_it_scores(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("no folder")
        scorer = FastScorer(graph_folder=tmp_path / "file" / "encoders")
        with capture_logs() as lines:
            [f1] = await scores(scorer, (PARAPHRASE, FRANCE))
        assert [line["event"] for line in lines] == ["scorer_graph_not_kept"]
        assert f1 > 0.6
        assert scorer.runtime == "onnxruntime"
        await scorer.close()

    async def test_a_graph_that_differs_from_torch_is_never_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.adapters.scorer.onnx_encoder._PARITY", -1.0)
        scorer = FastScorer(graph_folder=tmp_path)
        with capture_logs() as lines:
            await scorer.check()
        assert scorer.runtime == "torch"
        assert [line["event"] for line in lines] == ["scorer_runs_on_torch"]
        assert "differs from torch" in lines[0]["why"]
        assert files_in(tmp_path) == []
        await scorer.close()
