"""Copies of requests for models on trial: asked beside the requests, compared, recorded, never returned."""

from rulegate.shadowing.agreement import difference
from rulegate.shadowing.copies import Copy
from rulegate.shadowing.shadows import Dropped, Outcome, Shadows

__all__ = ["Copy", "Dropped", "Outcome", "Shadows", "difference"]
