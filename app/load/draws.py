"""Random numbers by name: draw n of a stream is the same whatever was drawn before, and cheap.

A generator that is seeded anew for each number would cost as much as a tenth of a request.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def uniform(seed: int, stream: int, n: int) -> float:
    """Return a number from 0 to below 1: the finalizer of SplitMix64, three times chained."""
    mixed = _mix(_mix(_mix(seed & _MASK) ^ stream) ^ n)
    return (mixed >> 11) / (1 << 53)


def _mix(value: int) -> int:
    value = (value + _GOLDEN) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
