"""An open-loop load generator: requests at times that no server can delay."""
