"""Where ratings come from that nobody typed: made by a seed, or read from MovieLens files."""
