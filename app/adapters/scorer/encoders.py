"""What turns tokens into vectors, and the one that runs everywhere: torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

#: Tokens and mask: numpy int64, (texts, tokens); the mask is 1 for a token and 0 for padding.
Batch = tuple[Any, Any]


class EncoderUnusable(Exception):
    """This encoder can't be used here; the text says why."""


class Encoder(Protocol):
    """The model, cut at the layer whose vectors count."""

    @property
    def name(self) -> str:
        """What it runs on: `torch`, `onnxruntime`."""
        ...

    def encode(self, batches: Sequence[Batch]) -> list[Any]:
        """Return a batch's vectors, numpy float32 (texts, tokens, width), for each, in order."""
        ...


class TorchEncoder:
    """The library's own model, without the record that gradients need."""

    name = "torch"

    def __init__(self, model: Any) -> None:
        self._model = model
        self._device = next(model.parameters()).device

    def encode(self, batches: Sequence[Batch]) -> list[Any]:
        """See Encoder."""
        import torch

        results = []
        with torch.inference_mode():
            for tokens, mask in batches:
                on_device = torch.from_numpy(tokens).to(self._device)
                hidden = self._model(
                    on_device, attention_mask=torch.from_numpy(mask).to(self._device)
                )[0]
                results.append(hidden.float().cpu().numpy())
        return results
