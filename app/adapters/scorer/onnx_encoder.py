"""The encoder in ONNX Runtime: opened from the folder of graphs, exported when it is not there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog

from app.adapters.scorer.embeddings import to_batch
from app.adapters.scorer.encoders import Batch, EncoderUnusable, TorchEncoder
from app.adapters.scorer.onnx_export import GRAPH_INPUTS, export_graph, graph_name
from app.adapters.scorer.quiet_onnx import import_onnxruntime
from app.data_dir.private_files import (
    make_data_dir,
    make_private_folder,
    read_private_bytes,
    write_private_bytes,
)
from app.errors import SettingsError

_log = structlog.get_logger("answerloop")

#: The largest distance of a number from torch's. Vectors have lengths of some units; F1 then stays
#: within 1e-5. A wrong graph is off by tenths.
_PARITY = 1e-3
#: Lengths of the texts of the check: alone, and padded beside a longer one.
_CHECKED_LENGTHS = ((3,), (29, 12, 4), (61,))
#: A kept file begins with the checksum of its graph.
_DIGEST_BYTES = 32


class OnnxEncoder:
    """A graph in a session of one thread; `threads` calls run side by side.

    Threads of one call wait for each other, which costs most where the cores are shared.
    """

    name = "onnxruntime"

    def __init__(self, graph: bytes, threads: int) -> None:
        onnxruntime = import_onnxruntime()

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # the shapes differ from call to call
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self._pool = ThreadPoolExecutor(threads, "answerloop-encoder") if threads > 1 else None

    def encode(self, batches: Sequence[Batch]) -> list[Any]:
        """See Encoder."""
        if self._pool is None or len(batches) < 2:
            return [self._run(batch) for batch in batches]
        heavy_first = sorted(range(len(batches)), key=lambda at: -int(batches[at][0].size))
        futures = {at: self._pool.submit(self._run, batches[at]) for at in heavy_first}
        return [futures[at].result() for at in range(len(batches))]

    def _run(self, batch: Batch) -> Any:
        return self._session.run(None, dict(zip(GRAPH_INPUTS, batch, strict=True)))[0]


def open_onnx(model: Any, tokenizer: Any, folder: Path | None, threads: int | None) -> OnnxEncoder:
    """Return an encoder that agrees with `model`: from `folder`, or exported and put there.

    `folder` is made, within the folder of data, when it is not there. Raises EncoderUnusable when
    there is no such encoder: a missing package, a GPU, a failed export or check.
    """
    if next(model.parameters()).device.type != "cpu":
        raise EncoderUnusable("the model is on a GPU")
    try:
        import_onnxruntime()
    except ImportError:
        raise EncoderUnusable("onnxruntime is missing: pip install answerloop[onnx]") from None
    agrees = _check_against(model, tokenizer, threads or 2)
    path = None if folder is None else folder / graph_name(model)
    kept = _read(path)
    if kept is not None:
        try:
            return agrees(kept)
        except EncoderUnusable as error:
            _log.warning("scorer_graph_broken", path=str(path), why=str(error))
    graph = export_graph(model)
    encoder = agrees(graph)
    _write(path, graph)
    return encoder


def _check_against(model: Any, tokenizer: Any, threads: int) -> Callable[[bytes], OnnxEncoder]:
    """Return what opens a graph and raises EncoderUnusable when its vectors are not the model's."""
    import numpy

    draw = numpy.random.default_rng(6)
    top, most = int(model.config.vocab_size), int(tokenizer.model_max_length)
    batches = [
        to_batch(
            [draw.integers(top // 10, top, min(length, most)).tolist() for length in lengths],
            tokenizer,
        )
        for lengths in _CHECKED_LENGTHS
    ]
    expected = TorchEncoder(model).encode(batches)

    def open_checked(graph: bytes) -> OnnxEncoder:
        try:
            encoder = OnnxEncoder(graph, threads)
            results = encoder.encode(batches)
            distance = max(
                float(numpy.abs((ours - theirs)[mask == 1]).max())
                for ours, theirs, (_, mask) in zip(results, expected, batches, strict=True)
            )
        except Exception as error:  # noqa: BLE001 - the runtime raises what it likes
            raise EncoderUnusable(f"the graph does not run: {_first_line(error)}") from None
        if not distance <= _PARITY:
            raise EncoderUnusable(f"the graph differs from torch by {distance:.1e}")
        return encoder

    return open_checked


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        content = read_private_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        _log.warning("scorer_graph_unreadable", path=str(path), why=str(error))
        return None
    digest, graph = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if digest != _digest(graph):  # weights that the check's texts do not use may be damaged, too
        _log.warning("scorer_graph_broken", path=str(path), why="its checksum differs")
        return None
    return graph


def _digest(graph: bytes) -> bytes:
    return hashlib.blake2b(graph, digest_size=_DIGEST_BYTES).digest()


def _write(path: Path | None, graph: bytes) -> None:
    if path is None:
        return
    try:
        make_data_dir(path.parent.parent)
        make_private_folder(path.parent)
        write_private_bytes(path, _digest(graph) + graph)
    except (SettingsError, OSError) as error:  # it scores without it: the next start exports again
        _log.warning("scorer_graph_not_kept", path=str(path), why=str(error))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
