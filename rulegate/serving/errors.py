"""What can go wrong between a decision and its prediction.

    ServingError
    ├── ModelUnavailable            the model cannot answer now, and may later
    │   ├── ModelNotResolved        the registry does not know it
    │   │   └── RegistryUnreachable the registry does not answer
    │   ├── ModelNotLoaded          it was found but cannot be loaded
    │   │   └── ModelBroken         because its own code or files fail
    │   ├── ModelStillLoading       it is being loaded, longer than this request could wait
    │   ├── ModelOverloaded         it has as many requests waiting as it may have
    │   ├── NoMemoryForModel        the memory for models is taken by models in use
    │   ├── CircuitOpen             it has failed again and again, and is left alone for a while
    │   ├── ModelDied               its process ended while it had the request
    │   ├── RemoteUnreachable       its server cannot be reached, or hung up before it had answered
    │   └── RemoteUnavailable       its server answered that it cannot now
    ├── PredictionTimeout           it did not answer in time
    ├── RemoteBroken                its server answered with what the protocol does not know
    └── PredictionFailed            it answered that this request is wrong, or raised
        ├── UnsupportedContentType
        ├── ResultNotEncodable      it returned what the protocol cannot carry
        └── RemoteRefused           so its server says

Messages are for the client: they never carry a server's path, a stack trace or the request's body. What an engineer
needs beyond them is in ``detail``, which goes to the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ServingError(Exception):
    """The root of all serving errors.

    Attributes:
        message: One line for the client.
        detail: What only the log may show, such as the model's stack trace; empty when there is no more to say.
    """

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail

    def take_detail(self) -> str:
        """The detail, for who puts it into the log; gone from the error, so that nobody who gets it does so again."""
        detail, self.detail = self.detail, ""
        return detail


class ModelUnavailable(ServingError):
    """The model cannot answer now; the same request may succeed later.

    Attributes:
        retry_after_s: Seconds before which another try is in vain; None where that is not known.
    """

    def __init__(self, message: str, *, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, detail=detail)
        self.retry_after_s = retry_after_s


class ModelNotResolved(ModelUnavailable):
    """The registry has no such model, version, stage or alias."""


class RegistryUnreachable(ModelNotResolved):
    """The registry does not answer, or answers with a fault of its own; what the URI means is not known."""


class ModelNotLoaded(ModelUnavailable):
    """The model was found, but downloading it or loading it failed."""


class ModelBroken(ModelNotLoaded):
    """Loading it raised: its code or its files are at fault, or what they need is not installed."""


class ModelStillLoading(ModelUnavailable):
    """The model is being loaded, and that takes longer than this request could wait. The load goes on."""


class ModelOverloaded(ModelUnavailable):
    """The model has as many requests waiting as it may have, so this one is not queued."""


class NoMemoryForModel(ModelUnavailable):
    """The memory for models is taken by models that are in use."""


class CircuitOpen(ModelUnavailable):
    """The model has failed again and again, so it has not been asked; see `rulegate.breaker`."""


class ModelDied(ModelUnavailable):
    """The model's process ended while it had this request. The next request starts a new one."""


class RemoteUnreachable(ModelUnavailable):
    """The model's server cannot be reached, or ended the connection before it had answered."""


class RemoteUnavailable(ModelUnavailable):
    """The model's server answered that it cannot answer now."""


class RemoteBroken(ServingError):
    """The model's server answered with what the scoring protocol does not know: no JSON, too much, a redirect."""


class PredictionTimeout(ServingError):
    """The model did not answer within the request's time."""


class PredictionFailed(ServingError):
    """The model process refused or failed this one request.

    Attributes:
        error_code: MLflow's name of the failure, such as ``BAD_REQUEST`` or ``INVALID_PARAMETER_VALUE``.
        fields: What else MLflow's server would tell the client, such as ``sqlstate``; JSON.
        by_model: Whether the model itself has raised, so that the request need not be wrong.
    """

    def __init__(
        self,
        message: str,
        *,
        error_code: str,
        detail: str = "",
        fields: Mapping[str, Any] | None = None,
        by_model: bool = False,
    ) -> None:
        super().__init__(message, detail=detail)
        self.error_code = error_code
        self.by_model = by_model
        self.fields = dict(fields or {})


class UnsupportedContentType(PredictionFailed):
    """The scoring protocol does not know the request's content type."""


class ResultNotEncodable(PredictionFailed):
    """The model returned a value that the scoring protocol cannot carry."""


class RemoteRefused(PredictionFailed):
    """The model's server refused or failed this one request, and said so in the protocol's shape.

    Attributes:
        status: The status with which it did.
    """

    def __init__(self, message: str, *, error_code: str, status: int, fields: Mapping[str, Any] | None = None) -> None:
        # Whether the model raised or the request is wrong, other servers tell by the status alone.
        super().__init__(message, error_code=error_code, fields=fields, by_model=status >= 500)
        self.status = status
