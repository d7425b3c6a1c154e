"""`DATA_DIR`: how its files are kept from others, and those by which commands find each other."""
