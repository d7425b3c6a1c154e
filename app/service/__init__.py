"""How a worker starts, is watched while it works, and ends."""
