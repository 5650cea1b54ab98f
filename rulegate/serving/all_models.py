"""All models: those in processes of this machine and those of other servers, told apart by their URIs."""

from __future__ import annotations

from typing import Final

from rulegate.serving.models import Lease, Trials

_REMOTE: Final = ("http://", "https://")


class AllModels:
    """The `Trials` of a gateway.

    Args:
        local: Those in processes of this machine.
        remote: Those that `http://` and `https://` URIs name.
    """

    def __init__(self, local: Trials, remote: Trials) -> None:
        self._local = local
        self._remote = remote

    def lease(self, model_uri: str, *, timeout_s: float) -> Lease:
        """See `Models.lease`."""
        return self._of(model_uri).lease(model_uri, timeout_s=timeout_s)

    def try_out(self, model_uri: str, *, timeout_s: float) -> Lease:
        """See `Trials.try_out`."""
        return self._of(model_uri).try_out(model_uri, timeout_s=timeout_s)

    def busy(self, model_uri: str) -> int:
        """See `Models.busy`."""
        return self._of(model_uri).busy(model_uri)

    def _of(self, model_uri: str) -> Trials:
        return self._remote if model_uri[:8].lower().startswith(_REMOTE) else self._local
