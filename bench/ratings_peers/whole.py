"""The product's whole ratings pipeline: predictions before learning, recommendations stored."""

from __future__ import annotations

from bench.ratings_peers.product import main

if __name__ == "__main__":
    main(recommends=True)
