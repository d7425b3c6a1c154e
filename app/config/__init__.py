"""What settings say beyond a value: files that they name, and secrets inside URLs."""
