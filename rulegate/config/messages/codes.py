"""The codes of what can be wrong with a configuration, and a fault before its place is known."""

from __future__ import annotations

from dataclasses import dataclass

from rulegate.diagnostics import Diagnostic, Severity, Source, Span

CODES = {
    "RG301": "the file cannot be read",
    "RG302": "the file is not text",
    "RG303": "the file is not YAML",
    "RG304": "a part of YAML that a configuration does without",
    "RG305": "the file is empty",
    "RG306": "a key stands twice in one mapping",
    "RG307": "no such key",
    "RG308": "a key is missing",
    "RG309": "a value of another type is expected",
    "RG310": "a number is out of its range",
    "RG311": "a list or a text is empty",
    "RG312": "not a duration",
    "RG313": "not a size",
    "RG314": "not a name",
    "RG315": "not a model URI",
    "RG317": "not one of the possible values",
    "RG318": "a name is taken",
    "RG319": "no endpoint has this name",
    "RG320": "a route can never be chosen",
    "RG321": "`on_error` without a condition",
    "RG322": "a model or a server that may not be used",
    "RG323": "not the name of an environment variable",
    "RG326": "not a share",
    "RG327": "a key means nothing here",
    "RG328": "a route does not say what answers, or says it twice",
    "RG329": "one model is given different settings",
    "RG330": "not the address of a server",
    "RG331": "not a header",
    "RG332": "not a token",
    "RG333": "not a message",
    "RG334": "no target gets a request",
    "RG335": "an environment variable that is not there",
    "RG336": "not a variable",
    "RG337": "a secret in the file",
    "RG338": "a refusal does not get all that it names",
    "RG339": "an endpoint leaves requests without an answer",
    "RG340": "a fallback leads nowhere",
    "RG341": "a refusal that can be switched off",
    "RG342": "a shadow of what answers anyway",
    "RG343": "a time limit that is never reached",
    "RG344": "names that differ in case alone",
    "RG345": "a decision service that nobody asks",
    "RG346": "a sticky value that a request may lack",
    "RG347": "a variable in what clients are told",
}
"""Every code of this package and its title; each has a page in the documentation."""

SILENT_CODES = frozenset({"RG330", "RG331", "RG332", "RG335", "RG336", "RG337", "RG347"})
"""Those whose messages hold nothing of the value that they are about, but for a character that it cannot have."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong and what to do about it, before it is known where."""

    code: str
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR

    def at(self, source: Source, span: Span) -> Diagnostic:
        """The fault at its place in a file."""
        return Diagnostic(self.code, self.message, source, span, self.hint, self.severity)
