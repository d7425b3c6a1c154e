"""How a record's call is asked: by its generation, and by what rejected the answer before."""

from __future__ import annotations

from agents.context import Context
from app.core.strategies import Strategy
from models.questions import QuestionState


def strategy_of(context: Context, record: QuestionState) -> Strategy:
    """Return the strategy of a record's generation."""
    return context.limits.strategies.chosen(
        record.question_text, record.generation, record.rejected_by
    )


def model_of(context: Context, record: QuestionState) -> str:
    """Return the model that is asked: the question's, or its strategy's own."""
    return strategy_of(context, record).model or record.model
