"""What a processor allows a scorer: the encoder's multiply-adds, and plain sgemm at its shapes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from app.adapters.scorer.tokens import tokenize

#: Rows of one product: more of them are no faster.
MOST_ROWS = 256
_SECONDS = 0.25
Clock = Callable[[], float]
_LEAST_RUNS = 3


@dataclass(frozen=True, slots=True)
class Work:
    """What a BERT encoder multiplies: `layers` of width `hidden`, feed-forward `inner`."""

    layers: int
    hidden: int
    inner: int

    @classmethod
    def of(cls, model: Any, layers: int) -> Work:
        config = model.config
        return cls(layers, config.hidden_size, config.intermediate_size)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Return (in, out) of a layer's weights: query, key, value, output, up, down."""
        square = (self.hidden, self.hidden)
        return [square] * 4 + [(self.hidden, self.inner), (self.inner, self.hidden)]

    @property
    def for_a_token(self) -> int:
        """Return the multiply-adds of one token by the weights of all layers."""
        return self.layers * sum(rows * columns for rows, columns in self.shapes)

    def gflop(self, lengths: Iterable[int]) -> float:
        """Return the GFLOP of texts of so many tokens, no padding: weights and attention."""
        adds = sum(
            length * self.for_a_token + self.layers * 2 * length * length * self.hidden
            for length in lengths
        )
        return 2 * adds / 1e9


def lengths_of(tokenizer: Any, texts: Iterable[str]) -> list[int]:
    """Return the number of tokens of each different text."""
    return [len(tokenize(tokenizer, text).ids) for text in dict.fromkeys(texts)]


class Sgemm:
    """The products of the encoder by its weights, one after the other, and nothing else.

    By numpy, torch and onnxruntime; with `threads` of them onnxruntime runs as many calls of one
    thread side by side, as our encoder does, the others split each product.
    """

    def __init__(self, work: Work, threads: int, clock: Clock) -> None:
        import numpy

        self._work, self._threads, self._clock = work, threads, clock
        draw = numpy.random.default_rng(3)
        self._weights = [
            draw.standard_normal(shape, dtype=numpy.float32) / shape[0] ** 0.5
            for _ in range(work.layers)
            for shape in work.shapes
        ]
        self._session = _session(self._weights)

    def rates(self, rows: int) -> dict[str, float]:
        """Return GFLOP/s by library for products of so many rows: medians of a quarter second."""
        import numpy
        import torch
        from threadpoolctl import threadpool_limits

        start = numpy.ones((rows, self._work.hidden), dtype=numpy.float32)
        torch_start = torch.from_numpy(start)
        torch_weights = [torch.from_numpy(weight) for weight in self._weights]
        gflop = 2 * rows * self._work.for_a_token / 1e9

        def by(first: Any, weights: list[Any]) -> None:
            found = first
            for weight in weights:
                found = found @ weight

        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with (
                threadpool_limits(self._threads),
                torch.inference_mode(),
                ThreadPoolExecutor(self._threads) as pool,
            ):

                def by_sessions() -> None:
                    feeds = [{"x": start}] * self._threads
                    list(pool.map(lambda feed: self._session.run(None, feed), feeds))

                return {
                    "numpy": gflop / self._seconds(lambda: by(start, self._weights)),
                    "torch": gflop / self._seconds(lambda: by(torch_start, torch_weights)),
                    "onnxruntime": self._threads * gflop / self._seconds(by_sessions),
                }
        finally:
            torch.set_num_threads(before)

    def _seconds(self, run: Callable[[], None]) -> float:
        run()
        taken: list[float] = []
        ends = time.perf_counter() + _SECONDS
        while len(taken) < _LEAST_RUNS or time.perf_counter() < ends:
            started = self._clock()
            run()
            taken.append(self._clock() - started)
        return statistics.median(taken)


def _session(weights: list[Any]) -> Any:
    from app.adapters.scorer.quiet_onnx import import_onnxruntime

    onnxruntime = import_onnxruntime()
    from onnx import TensorProto, helper, numpy_helper

    names = ["x", *(f"x{at}" for at in range(len(weights)))]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", [names[at], f"w{at}"], [names[at + 1]])
            for at in range(len(weights))
        ],
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", weights[0].shape[0]])],
        [
            helper.make_tensor_value_info(
                names[-1], TensorProto.FLOAT, ["rows", weights[-1].shape[1]]
            )
        ],
        [numpy_helper.from_array(weight, f"w{at}") for at, weight in enumerate(weights)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
