"""The product's ratings pipeline, without recommendations: what the bare loop does, and more.

It reads strictly (key against event, each rule by name), keeps windows and latencies, publishes
metrics, survives kills and rebalances. It is done when the store has every event.
"""

from __future__ import annotations

from bench.ratings_peers.product import main

if __name__ == "__main__":
    main(recommends=False)
