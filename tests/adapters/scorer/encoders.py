"""Small encoders of several architectures, with random weights, made without a network."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from bench.gate_pairs import ROWS

LAYERS = 3
_POSITIONS = 64
_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}


def make_encoder(kind: str, folder: Path) -> Path:
    """Write model and tokenizer into `folder` / `kind` in the format of Hugging Face."""
    import torch
    import transformers

    path = folder / kind
    path.mkdir()
    torch.manual_seed(11)
    size = (_word_pieces if kind in ("bert", "distilbert", "electra") else _byte_pairs)(path)
    config, model = {
        "bert": (transformers.BertConfig, transformers.BertModel),
        "distilbert": (transformers.DistilBertConfig, transformers.DistilBertModel),
        "electra": (transformers.ElectraConfig, transformers.ElectraModel),
        "roberta": (transformers.RobertaConfig, transformers.RobertaModel),
        "deberta": (transformers.DebertaConfig, transformers.DebertaModel),
        "bart": (transformers.BartConfig, transformers.BartModel),
    }[kind]
    # Wide weights: with the usual 0.02 all vectors of so small a model are nearly alike.
    made = model(config(vocab_size=size, initializer_range=0.4, **_options(kind))).eval()
    made.save_pretrained(path)
    return path


def _options(kind: str) -> dict[str, Any]:
    match kind:
        case "distilbert":
            return {
                "dim": 32,
                "n_layers": LAYERS,
                "n_heads": 4,
                "hidden_dim": 64,
                "max_position_embeddings": _POSITIONS,
            }
        case "roberta":  # counts positions from its padding token on
            special = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
            return {**_SIZES, **special, "max_position_embeddings": _POSITIONS + 2}
        case "deberta":
            relative = {"relative_attention": True, "pos_att_type": "c2p|p2c"}
            return {**_SIZES, **relative, "max_position_embeddings": _POSITIONS}
        case "bart":
            return {
                "d_model": 32,
                "encoder_layers": LAYERS,
                "decoder_layers": 1,
                "encoder_attention_heads": 4,
                "decoder_attention_heads": 4,
                "encoder_ffn_dim": 64,
                "decoder_ffn_dim": 64,
                "max_position_embeddings": _POSITIONS,
            }
        case "electra":
            return {**_SIZES, "embedding_size": 16, "max_position_embeddings": _POSITIONS}
        case _:
            return {**_SIZES, "max_position_embeddings": _POSITIONS}


def _texts() -> list[str]:
    return [row.long for row in ROWS]


def _word_pieces(path: Path) -> int:
    """Words and letters by frequency: training breaks ties by chance, each run another encoder."""
    lower = path.name != "bert"
    text = " ".join(_texts())
    words = Counter(re.findall(r"\w+|[^\w\s]", text.lower() if lower else text))
    letters = sorted({letter for word in words for letter in word})
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    common = sorted(words, key=lambda word: (-words[word], word))[:300]
    vocabulary = dict.fromkeys([*special, *letters, *(f"##{each}" for each in letters), *common])
    (path / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    (path / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": lower, "tokenizer_class": "BertTokenizer"})
    )
    return len(vocabulary)


def _byte_pairs(path: Path) -> int:
    from tokenizers import ByteLevelBPETokenizer

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    if path.name == "deberta":
        special = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(
        _texts(), vocab_size=700, special_tokens=special, show_progress=False
    )
    tokenizer.save_model(str(path))
    return tokenizer.get_vocab_size()
