"""Model files that are broken on purpose, each in one way."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load, save

from app.recommender import model_file


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="numpy") as file:
        return dict(file.metadata())


def rewrite(
    path: Path,
    *,
    tensors: Callable[[dict[str, np.ndarray]], object] = lambda _: None,
    metadata: Callable[[dict[str, str]], object] = lambda _: None,
    sign: bool = True,
) -> None:
    """Change a file's content; `sign` gives it the checksum of what it holds then."""
    arrays, described = load(path.read_bytes()), metadata_of(path)
    arrays = {name: array.copy() for name, array in arrays.items()}
    tensors(arrays)
    metadata(described)
    if sign:
        del described["sha256"]
        described["sha256"] = model_file._checksum(arrays, described)
    path.write_bytes(save(arrays, described))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def cut_in_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def a_pickle(path: Path) -> None:
    path.write_bytes(
        b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94."
    )


def an_endless_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**63) + b"{}")


def one_bit_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(bytes(content))


def facts_altered(path: Path) -> None:
    def change(described: dict[str, str]) -> None:
        described["facts"] = described["facts"].replace('"epochs": 5', '"epochs": 6')

    rewrite(path, metadata=change, sign=False)


def other_format(path: Path) -> None:
    rewrite(path, metadata=lambda m: m.update(format="something-else"))


def later_format(path: Path) -> None:
    rewrite(path, metadata=lambda m: m.update(format_version="2"))


def no_metadata(path: Path) -> None:
    path.write_bytes(save(load(path.read_bytes())))


def not_finite(path: Path) -> None:
    rewrite(path, tensors=lambda t: t["movies"].__setitem__((0, 0), np.nan))


def an_array_missing(path: Path) -> None:
    rewrite(path, tensors=lambda t: t.pop("users"))


def an_array_too_many(path: Path) -> None:
    rewrite(path, tensors=lambda t: t.update(more=np.zeros(3, dtype=np.float32)))


def other_type(path: Path) -> None:
    rewrite(path, tensors=lambda t: t.update(users=t["users"].astype(np.float64)))


def other_shape(path: Path) -> None:
    rewrite(path, tensors=lambda t: t.update(movies=t["movies"][:, :-1].copy()))


def flat_factors(path: Path) -> None:
    rewrite(path, tensors=lambda t: t.update(movies=t["movies"].reshape(-1)))


def ids_out_of_order(path: Path) -> None:
    rewrite(path, tensors=lambda t: t.update(movie_ids=t["movie_ids"][::-1].copy()))


def columns_beyond(path: Path) -> None:
    rewrite(path, tensors=lambda t: t["columns"].__setitem__(0, 1_000_000))


def starts_backwards(path: Path) -> None:
    rewrite(path, tensors=lambda t: t["starts"].__setitem__(1, 10_000_000))


def eleven_half_stars(path: Path) -> None:
    rewrite(path, tensors=lambda t: t["halves"].__setitem__(0, 11))


def facts_no_json(path: Path) -> None:
    rewrite(path, metadata=lambda m: m.update(facts="{"))


def facts_unknown(path: Path) -> None:
    rewrite(path, metadata=lambda m: m.update(facts=m["facts"].replace("epochs", "rounds")))


def an_infinite_mean(path: Path) -> None:
    rewrite(
        path, metadata=lambda m: m.update(facts=m["facts"].replace('"mean": ', '"mean": 1e999'))
    )


def a_link(path: Path) -> None:
    real = path.with_name("elsewhere")
    path.rename(real)
    path.symlink_to(real)


def under_another_name(path: Path) -> None:
    path.rename(path.with_name("ratings-20290101T000000.000Z.safetensors"))


BROKEN = {
    cut: "cut off",
    cut_in_the_header: "cut off",
    emptied: "cut off",
    a_pickle: "no safetensors",
    an_endless_header: "no safetensors",
    one_bit_flipped: "checksum",
    facts_altered: "checksum",
    other_format: "not a rating model",
    later_format: "format version 2",
    no_metadata: "not a rating model",
    not_finite: "not finite",
    an_array_missing: "users",
    an_array_too_many: "more",
    other_type: "users is float64",
    other_shape: "users has shape",
    flat_factors: "",
    ids_out_of_order: "movie_ids are not ascending",
    columns_beyond: "columns point beyond",
    starts_backwards: "starts are not ascending",
    eleven_half_stars: "halves are not 1 to 10",
    facts_no_json: "facts can't be read",
    facts_unknown: "facts can't be read",
    an_infinite_mean: "facts can't be read",
    a_link: "link",
    under_another_name: "holds version",
}
