"""One table from the type of an error to its answer: status, MLflow's error code, our code."""

from __future__ import annotations

from dataclasses import dataclass

from rulegate.answers import RequestDenied
from rulegate.condition import BudgetExceededError, MalformedBodyError
from rulegate.gateway import EndpointNotFound
from rulegate.routing import ConditionFailed, NoRouteMatched
from rulegate.serving import errors as serving

RETRY_AFTER_S = 2
"""What ``Retry-After`` says: long enough for most models to be loaded, short enough for a client that waits."""


class RequestRefused(Exception):
    """A request that HTTP alone tells is wrong, before any endpoint has seen it."""


class PathNotFound(RequestRefused):
    """No such path."""


class MethodNotAllowed(RequestRefused):
    """The path is there, but not for this method.

    Attributes:
        allowed: The methods that it has.
    """

    def __init__(self, message: str, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class BodyTooLarge(RequestRefused):
    """The body is larger than the gateway takes."""


class BodyIncomplete(RequestRefused):
    """The client went away, or sent less than it had announced."""


class RequestLoop(RequestRefused):
    """The request has been passed on in a circle."""


class Unauthorized(RequestRefused):
    """The request does not prove that it may ask this."""


class NotUnderstood(RequestRefused):
    """The body is not what the path wants."""


class HeadTooLarge(RequestRefused):
    """The request line and the headers are larger than the admin port takes."""


class NotHttp(RequestRefused):
    """What the admin port has received is no request of HTTP."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The answer to a failed request.

    Attributes:
        status: The HTTP status.
        error_code: MLflow's name of the failure, which its clients read.
        code: Ours, documented under ``docs/codes``.
        retry: Whether the same request may succeed later; then the answer carries ``Retry-After``.
    """

    status: int
    error_code: str
    code: str
    retry: bool = False


# The first type that fits is taken, so a derived type stands before the one it derives from.
_TABLE: tuple[tuple[type[Exception], Failure], ...] = (
    (PathNotFound, Failure(404, "ENDPOINT_NOT_FOUND", "RG401")),
    (MethodNotAllowed, Failure(405, "BAD_REQUEST", "RG402")),
    (BodyTooLarge, Failure(413, "BAD_REQUEST", "RG403")),
    (BodyIncomplete, Failure(400, "BAD_REQUEST", "RG404")),
    (RequestLoop, Failure(508, "INVALID_STATE", "RG416")),
    (Unauthorized, Failure(401, "UNAUTHENTICATED", "RG414")),
    (NotUnderstood, Failure(400, "INVALID_PARAMETER_VALUE", "RG415")),
    (HeadTooLarge, Failure(431, "BAD_REQUEST", "RG417")),
    (NotHttp, Failure(400, "BAD_REQUEST", "RG418")),
    (serving.UnsupportedContentType, Failure(415, "BAD_REQUEST", "RG405")),
    (MalformedBodyError, Failure(400, "BAD_REQUEST", "RG406")),
    (EndpointNotFound, Failure(404, "ENDPOINT_NOT_FOUND", "RG407")),
    (NoRouteMatched, Failure(404, "RESOURCE_DOES_NOT_EXIST", "RG408")),
    (ConditionFailed, Failure(422, "INVALID_PARAMETER_VALUE", "RG409")),
    (BudgetExceededError, Failure(422, "INVALID_PARAMETER_VALUE", "RG410")),
    (RequestDenied, Failure(403, "PERMISSION_DENIED", "RG412")),
    (serving.ModelNotResolved, Failure(503, "TEMPORARILY_UNAVAILABLE", "RG501", retry=True)),
    (serving.ModelNotLoaded, Failure(503, "TEMPORARILY_UNAVAILABLE", "RG502", retry=True)),
    (serving.ModelStillLoading, Failure(503, "TEMPORARILY_UNAVAILABLE", "RG503", retry=True)),
    (serving.ModelOverloaded, Failure(503, "TEMPORARILY_UNAVAILABLE", "RG508", retry=True)),
    (serving.NoMemoryForModel, Failure(503, "TEMPORARILY_UNAVAILABLE", "RG509", retry=True)),
    (serving.CircuitOpen, Failure(503, "TEMPORARILY_UNAVAILABLE", "RG510", retry=True)),
    (serving.ModelDied, Failure(503, "TEMPORARILY_UNAVAILABLE", "RG504", retry=True)),
    (serving.RemoteUnreachable, Failure(503, "TEMPORARILY_UNAVAILABLE", "RG511", retry=True)),
    (serving.RemoteUnavailable, Failure(503, "TEMPORARILY_UNAVAILABLE", "RG512", retry=True)),
    (serving.RemoteBroken, Failure(502, "INTERNAL_ERROR", "RG513")),
    (serving.PredictionTimeout, Failure(504, "DEADLINE_EXCEEDED", "RG505")),
    (serving.ResultNotEncodable, Failure(500, "INTERNAL_ERROR", "RG506")),
    (serving.RemoteRefused, Failure(400, "BAD_REQUEST", "RG514")),
    (serving.PredictionFailed, Failure(400, "BAD_REQUEST", "RG507")),
)

_MAX_QUOTED = 100

UNEXPECTED = Failure(500, "INTERNAL_ERROR", "RG599")
"""The answer when rulegate itself is at fault."""

CODES = tuple(sorted({failure.code for _, failure in _TABLE} | {UNEXPECTED.code}))
"""All codes that an answer can carry."""

# What MLflow's scoring server answers when a model raises an exception of MLflow's with such a code.
_MLFLOW_STATUS = {
    "INTERNAL_ERROR": 500,
    "INVALID_STATE": 500,
    "DATA_LOSS": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "ABORTED": 409,
    "RESOURCE_CONFLICT": 409,
    "ALREADY_EXISTS": 409,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "PERMISSION_DENIED": 403,
    "CUSTOMER_UNAUTHORIZED": 401,
    "UNAUTHENTICATED": 401,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "INVALID_PARAMETER_VALUE": 400,
}

# What a route that denies says, by the status that its configuration names; with others, BAD_REQUEST or INTERNAL_ERROR.
_DENIALS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    429: "REQUEST_LIMIT_EXCEEDED",
    501: "NOT_IMPLEMENTED",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def failure_of(error: Exception) -> Failure:
    """How to answer a request that ended with ``error``."""
    failure = next((failure for kind, failure in _TABLE if isinstance(error, kind)), UNEXPECTED)
    if isinstance(error, serving.RemoteRefused):
        return Failure(error.status, error.error_code, failure.code)
    if type(error) is serving.PredictionFailed:
        # MLflow gives any code it does not list to its own clients as 500.
        return Failure(_MLFLOW_STATUS.get(error.error_code, 500), error.error_code, failure.code)
    if isinstance(error, RequestDenied):
        status = error.deny.status
        return Failure(status, _DENIALS.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR"), failure.code)
    return failure


def message_of(error: Exception) -> str:
    """What the client is told; never a stack trace, a path of this machine or the request's body."""
    match error:
        case serving.ServingError():
            return error.message
        case EndpointNotFound():
            return f"there is no endpoint `{error.name[:_MAX_QUOTED]}`; there are: {', '.join(error.known)}"
        case NoRouteMatched():
            more = [f"and {error.more} more"] if error.more else []
            tried = "; ".join([*map(str, error.tried), *more])
            return f"{error}; tried: {tried}" if tried else str(error)
        case RequestRefused() | RequestDenied() | ConditionFailed() | MalformedBodyError() | BudgetExceededError():
            return str(error)
        case _:
            return "the gateway failed; its log tells why under this request id"
