"""From settings to open ports: which adapter serves each URL, started and checked."""

from app.opening.closing import Closer
from app.opening.greeting import greet_scorer
from app.opening.model import model_of
from app.opening.ports import (
    AllPorts,
    OpenPorts,
    open_all_ports,
    open_cache,
    open_ports,
    open_rating_ports,
    open_recommender,
)
from app.opening.scorer import open_scorer
from app.opening.stores import database_dsn, embedded_database_folder, open_rating_store, open_store

__all__ = [
    "AllPorts",
    "Closer",
    "OpenPorts",
    "database_dsn",
    "embedded_database_folder",
    "greet_scorer",
    "model_of",
    "open_all_ports",
    "open_cache",
    "open_ports",
    "open_rating_ports",
    "open_rating_store",
    "open_recommender",
    "open_scorer",
    "open_store",
]
