"""Exporting a bert-score encoder as an ONNX graph, and what the graph's file is called."""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from app.adapters.scorer.encoders import EncoderUnusable

GRAPH_INPUTS = ("tokens", "mask")
_OUTPUT = "vectors"
_OPSET = 17
#: Grows when graphs exported by an earlier version of this module must not be used.
_FORMAT = 2
#: Versions that a graph depends on.
_PACKAGES = ("torch", "transformers", "onnx", "onnxruntime")


def graph_name(model: Any) -> str:
    """Return the file name for this model: kind, and a hash of weights, layers and versions."""
    import torch

    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((_FORMAT, _OPSET, [_version(name) for name in _PACKAGES])).encode())
    digest.update(model.config.to_json_string().encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy())
    return f"{model.config.model_type}-{digest.hexdigest()}.graph"


def export_graph(model: Any) -> bytes:
    """Return the model as an ONNX graph, its operators unfused.

    The runtime fuses what it can when it opens the graph; fusing attention here as well was no
    faster, and took ten seconds. Raises EncoderUnusable when there can be no graph: a missing
    package, an operator that ONNX lacks.
    """
    with tempfile.TemporaryDirectory(prefix="answerloop-graph-") as folder:
        path = Path(folder, "graph.onnx")
        try:
            _export(model, path)
            return path.read_bytes()
        except Exception as error:  # noqa: BLE001 - exporters raise what they like
            reason = (str(error).splitlines() or [""])[0][:300]
            raise EncoderUnusable(f"no export: {type(error).__name__} {reason}") from None


def _export(model: Any, path: Path) -> None:
    import torch

    class Encoder(torch.nn.Module):  # type: ignore[misc, no-any-unimported, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, tokens: Any, mask: Any) -> Any:
            return self.model(tokens, attention_mask=mask)[0]

    # Two different tensors: one object given twice would become one input of the graph.
    tokens = torch.arange(14).reshape(2, 7) + 5
    mask = torch.ones(2, 7, dtype=torch.long)
    mask[1, 5:] = 0
    axes = {0: "texts", 1: "tokens"}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Encoder().eval(),
            (tokens, mask),
            str(path),
            input_names=list(GRAPH_INPUTS),
            output_names=[_OUTPUT],
            dynamic_axes=dict.fromkeys((*GRAPH_INPUTS, _OUTPUT), axes),
            opset_version=_OPSET,
            dynamo=False,
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
