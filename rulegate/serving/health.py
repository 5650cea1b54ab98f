"""Tells a breaker what became of a prediction: whether its model is ill, or a request was wrong."""

from __future__ import annotations

from rulegate.breaker import Attempt
from rulegate.serving.errors import (
    ModelDied,
    PredictionFailed,
    PredictionTimeout,
    RemoteBroken,
    RemoteUnreachable,
    ServingError,
)


def tell(attempt: Attempt, error: ServingError, *, had_enough: bool = True) -> None:
    """Tells how a prediction failed; ``had_enough`` says whether it had time enough for a timeout to count.

    That a model cannot be resolved or loaded is no news here: the pool leaves it alone for a while by itself. Nor that
    it has too much to do: it may be as well as ever.
    """
    match error:
        case PredictionTimeout() if had_enough:
            attempt.failed()
        case ModelDied():
            attempt.failed(shared=True)
        case RemoteUnreachable() | RemoteBroken():
            attempt.failed()
        case PredictionFailed():
            attempt.succeeded()
