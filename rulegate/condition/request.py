"""The request as conditions see it, with Flask's names; what is costly is made when it is first read."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar, overload

from rulegate.condition import vocabulary
from rulegate.condition.answers import Answers
from rulegate.condition.depth import MAX_JSON_DEPTH, depth
from rulegate.condition.errors import ExternalUnavailableError, MalformedBodyError, NoJsonError
from rulegate.condition.meter import Meter
from rulegate.condition.named_texts import Headers, Texts

_T = TypeVar("_T")
_Texts = Mapping[str, str]


class _Unread:
    """Stands where nothing was computed yet; false, so that ``request.known_json or request.json`` is always right."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


_UNREAD: Final = _Unread()
KNOWN: Final = "known_"
"""Before the name of a lazy attribute it is the slot that holds its value as soon as that is computed."""


class _Lazy(Generic[_T]):
    """An attribute that is computed when it is first read and stands in a slot from then on.

    To read it here is a call. What must be fast reads the slot, and the attribute where that is false, as generated
    code does.
    """

    def __init__(self, compute: Callable[[Any], _T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = KNOWN + name

    @overload
    def __get__(self, instance: None, owner: type) -> _Lazy[_T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> _T: ...
    def __get__(self, instance: object | None, owner: type) -> _Lazy[_T] | _T:
        if instance is None:
            return self
        value: _T | _Unread = getattr(instance, self._slot)
        if isinstance(value, _Unread):
            value = self._compute(instance)
            setattr(instance, self._slot, value)
        return value


class Request:
    """What a condition can read of a request.

    Args:
        json: The parsed body, made of dict, list, str, int, float, bool and None; readable with any content type.
        headers: Header values by name; the case of names does not matter.
        method: The HTTP method, in upper case.
        path: The path, decoded, without the query.
        args: The parameters of the query; of several with one name, the first.
        cookies: The cookies by name.
        host: The host and port that the client asked for; otherwise the header ``Host`` without HTTP's own port 80,
            or ``""``.
        remote_addr: The client's address, or None if it is not known.
        content_type: The content type with its parameters; otherwise the header ``Content-Type``, or
            ``application/json`` where ``json`` is given, or None.
        content_length: The length of the body in bytes; otherwise the header ``Content-Length``, or None.
        now: The time of the request, ISO 8601 text or a datetime, in UTC unless it has a time zone; None is the time at
            which a condition first asks.
        external: What decision services answer, by name, or a function that is given a name and returns the answer: it
            is called when a condition first reads the answer, at most once a name, and raises
            `ExternalUnavailableError` if there is none. Answers are made of the same types as ``json``.

    ``headers``, ``args`` and ``cookies`` may each be a function without parameters that makes the mapping: it is called
    when a condition first reads it, and at most once. A request belongs to one thread. It is never changed; neither may
    be the values that it was given.

    Raises:
        TypeError: If ``json`` holds a value of another type, or an object's key that is not text.
        ValueError: If ``now`` is a text that is not ISO 8601.
    """

    __slots__ = (
        "__weakref__",
        "_args",
        "_ask",
        "_body",
        "_cookies",
        "_external",
        "_fault",
        "_headers",
        "_meter_aside",
        "known_args",
        "known_content_length",
        "known_content_type",
        "known_cookies",
        "known_external",
        "known_folded_headers",
        "known_headers",
        "known_host",
        "known_is_json",
        "known_json",
        "known_meter",
        "known_moment",
        "method",
        "now",
        "path",
        "remote_addr",
    )

    def __init__(
        self,
        *,
        json: Any = _UNREAD,
        headers: _Texts | Callable[[], _Texts] | None = None,
        method: str = "POST",
        path: str = "/invocations",
        args: _Texts | Callable[[], _Texts] | None = None,
        cookies: _Texts | Callable[[], _Texts] | None = None,
        host: str | None = None,
        remote_addr: str | None = None,
        content_type: str | None = None,
        content_length: int | None = None,
        now: str | dt.datetime | None = None,
        external: Mapping[str, Any] | Callable[[str], Any] | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.remote_addr = remote_addr
        self.now = dt.datetime.fromisoformat(now) if isinstance(now, str) else now
        self._body: bytes | None = None
        self._fault: MalformedBodyError | None = None
        self._headers = headers
        self._meter_aside: Meter | None = None
        self._args = args
        self._cookies = cookies
        self._external = external
        self._ask: Callable[[str, Request], Any] | None = None
        # What is not given is computed when it is read.
        self.known_args: Texts | _Unread = _UNREAD
        self.known_content_length: int | _Unread | None = _UNREAD if content_length is None else content_length
        self.known_content_type: str | _Unread | None = _UNREAD if content_type is None else content_type
        self.known_cookies: Texts | _Unread = _UNREAD
        self.known_external: Answers | _Unread = _UNREAD
        self.known_folded_headers: dict[str, str] | _Unread = _UNREAD
        self.known_headers: Headers | _Unread = _UNREAD
        self.known_host: str | _Unread = _UNREAD if host is None else host
        self.known_is_json: bool | _Unread = _UNREAD
        self.known_json: Any = _UNREAD
        self.known_meter: Meter | _Unread = _UNREAD
        self.known_moment: dt.datetime | _Unread = _UNREAD
        if json is not _UNREAD:
            if depth(json) <= MAX_JSON_DEPTH:
                self.known_json = json
            self.known_content_type = content_type or self.headers.get("content-type", "application/json")

    @classmethod
    def from_body(cls, body: bytes, *, ask: Callable[[str, Request], Any] | None = None, **others: Any) -> Request:
        """A request whose JSON is parsed from ``body`` when a condition first reads it, and at most once.

        ``others`` are the arguments of the constructor but ``json``. Reading ``request.json`` then errs if the content
        type is not ``application/json``, and raises `MalformedBodyError` if the body is not JSON. ``ask`` stands for
        ``external`` where the answer depends on the request: a function that is given it beside the service's name.
        """
        request = cls(**others)
        request._body = body
        request._ask = ask
        return request

    def afresh(self) -> Request:
        """The same request with nothing spent on it yet, for conditions that are evaluated again to explain them.

        Both share the answers of decision services, so that none is asked twice.
        """
        other = copy.copy(self)
        other.known_external = self.external
        other.known_meter = _UNREAD
        other._meter_aside = None
        return other

    def cost(self) -> int:
        """What conditions have cost for it so far, in nanoseconds of an ordinary processor, estimated."""
        return 0 if isinstance(self.known_meter, _Unread) else self.known_meter.spent

    def aside(self, read: Callable[[Request], _T]) -> _T:
        """What ``read`` gives for this request, at no charge to conditions.

        All that is read so may together cost `vocabulary.SHARED_BUDGET`.

        Raises:
            BudgetExceededError: If it would cost more.
        """
        own = self.known_meter
        self.known_meter = self.meter_aside()
        try:
            return read(self)
        finally:
            self.known_meter = own

    def meter_aside(self) -> Meter:
        """What is read aside is charged to it."""
        if self._meter_aside is None:
            self._meter_aside = Meter(vocabulary.SHARED_BUDGET)
        return self._meter_aside.begin()

    @_Lazy
    def json(self) -> Any:
        """The parsed body."""
        if self._body is None:
            raise NoJsonError(f"the request has no JSON body of at most {MAX_JSON_DEPTH} levels")
        if _media_type(self.content_type) != "application/json":
            raise NoJsonError("the request's content type is not application/json")
        if self._fault is not None:
            raise self._fault.with_traceback(None)
        try:
            return _parser()(self._body)
        except MalformedBodyError as fault:
            # Many conditions may read the body before one of them ends the request; it is parsed for the first.
            self._fault = fault
            raise

    @_Lazy
    def meter(self) -> Meter:
        """What conditions have cost for this request."""
        return Meter()

    @_Lazy
    def moment(self) -> dt.datetime:
        """The time of the request, with its time zone; a time without one is in UTC."""
        now = self.now or dt.datetime.now(dt.UTC)
        return now if now.tzinfo else now.replace(tzinfo=dt.UTC)

    @_Lazy
    def headers(self) -> Headers:
        """The headers."""
        return Headers(_made(self._headers))

    @_Lazy
    def folded_headers(self) -> dict[str, str]:
        """The headers by lower-case name, for generated code, which folds the names that it knows beforehand."""
        return self.headers.folded

    @_Lazy
    def args(self) -> Texts:
        """The parameters of the query."""
        return Texts(_made(self._args))

    @_Lazy
    def cookies(self) -> Texts:
        """The cookies."""
        return Texts(_made(self._cookies))

    @_Lazy
    def external(self) -> Answers:
        """What decision services answer."""
        return Answers(self._external if self._ask is None else _about(self, self._ask))

    @_Lazy
    def host(self) -> str:
        """The host and port that the client asked for."""
        return self.folded_headers.get("host", "").removesuffix(":80")

    @_Lazy
    def content_type(self) -> str | None:
        """The content type with its parameters."""
        return self.folded_headers.get("content-type")

    @_Lazy
    def content_length(self) -> int | None:
        """The length of the body in bytes."""
        text = self.folded_headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None

    @_Lazy
    def is_json(self) -> bool:
        """Whether the content type is JSON: ``application/json`` or ``application/…+json``, as in Flask."""
        media_type = _media_type(self.content_type)
        return media_type == "application/json" or (
            media_type.startswith("application/") and media_type.endswith("+json")
        )


LAZY: Final = frozenset(name for name, attribute in vars(Request).items() if isinstance(attribute, _Lazy))
"""The attributes whose values stand in slots once they are computed."""


@functools.cache
def _parser() -> Callable[[bytes], Any]:
    # It takes longer to import than several conditions take to compile, and not everybody who compiles has bodies.
    from rulegate.condition.body import parse_body

    return parse_body


def _about(request: Request, ask: Callable[[str, Request], Any]) -> Callable[[str], Any]:
    # The request holds its answers: if they held it too, its body would stay until cycles are collected.
    this = weakref.ref(request)

    def asked(name: str) -> Any:
        request = this()
        if request is None:
            raise ExternalUnavailableError(name, "the request has ended")
        return ask(name, request)

    return asked


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


def _made(values: _Texts | Callable[[], _Texts] | None) -> _Texts:
    if values is None:
        return {}
    return values() if callable(values) else values
