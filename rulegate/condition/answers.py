"""What decision services answer about one request: each is asked when it is first read, and at most once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rulegate.condition.depth import MAX_JSON_DEPTH, depth
from rulegate.condition.errors import ExternalUnavailableError


class Answers(dict[str, Any]):
    """The answers that are known, by the name of the service; to read another one asks for it.

    Args:
        source: The answers by name, or a function that is given a name, returns the answer, made of dict, list, str,
            int, float, bool and None, and raises `ExternalUnavailableError` if there is none; None knows no answer.

    A failure is kept like an answer. Used by one thread.
    """

    __slots__ = ("_failures", "_source")

    def __init__(self, source: Mapping[str, Any] | Callable[[str], Any] | None) -> None:
        super().__init__()
        self._source = source
        self._failures: dict[str, ExternalUnavailableError] = {}

    def __missing__(self, name: str) -> Any:
        if name in self._failures:
            raise self._failures[name].with_traceback(None)
        try:
            answer = self._asked(name)
        except ExternalUnavailableError as failure:
            self._failures[name] = failure
            raise
        self[name] = answer
        return answer

    def _asked(self, name: str) -> Any:
        source = {} if self._source is None else self._source
        if callable(source):
            answer = source(name)
        elif name in source:
            answer = source[name]
        else:
            raise ExternalUnavailableError(name, "the request was given none")
        try:
            levels = depth(answer)
        except TypeError as error:
            raise ExternalUnavailableError(name, str(error)) from None
        if levels > MAX_JSON_DEPTH:
            raise ExternalUnavailableError(name, f"it is nested more than {MAX_JSON_DEPTH} levels deep")
        return answer
