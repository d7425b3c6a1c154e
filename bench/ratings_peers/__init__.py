"""The contestants of `python -m bench.ratings`, each a process of its own.

`python -m bench.ratings_peers.NAME --bootstrap HOST:PORT --topic T --events N [--dsn DSN]` reads
topic T from its start in a group of its own and prints one JSON line (`Stopwatch.report`) when N
events are done. FastStream runs in an environment of its own: what it imports from here must need
nothing but the standard library and msgspec.
"""
