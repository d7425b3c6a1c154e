"""`answerloop ratings`: put ratings in, look at their topic, train the recommender."""

from __future__ import annotations

import logging

import click

from app.cli.lazy import lazy_group

COMMANDS = {
    "produce": ("app.cli.ratings_produce", "produce", "Send ratings: made by a seed, or of a file"),
    "consume": ("app.cli.ratings_consume", "consume", "Read the topic, and add up what is in it"),
    "fit": ("app.cli.ratings_fit", "fit", "Train the recommender"),
    "verify": ("app.cli.ratings_verify", "verify", "Check the log with a trial batch, and topics"),
    "stats": ("app.cli.ratings_read", "stats", "Counts by outcome, by stars, by minute"),
    "recommend": ("app.cli.ratings_read", "recommend", "A user's best movies"),
    "reset": ("app.cli.ratings_reset", "reset", "Forget what is stored, to count anew"),
    "report": ("app.cli.ratings_report", "report", "A report of the stream: a page, or JSON"),
}


@click.group(cls=lazy_group(COMMANDS), short_help="Ratings: send, look at, recommend")
def ratings() -> None:
    """Movie ratings: put them in, look at their topic, train and ask the recommender.

    \b
    answerloop ratings produce --count 100000
    answerloop ratings produce --file ml-latest-small/ratings.csv
    answerloop ratings consume --max-messages 1000
    answerloop ratings fit
    answerloop ratings stats --watch
    answerloop ratings recommend 7
    answerloop ratings report --out report.html
    """
    # What aiokafka logs of a broker that is away, a command says itself, in one line.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
