"""Source text, span, diagnostic and its rendering: how rulegate tells an author what is wrong and where."""

from rulegate.diagnostics.diagnostic import Diagnostic, Severity, in_order
from rulegate.diagnostics.source import Excerpt, Position, Source, Span
from rulegate.diagnostics.text import render, render_all

__all__ = ["Diagnostic", "Excerpt", "Position", "Severity", "Source", "Span", "in_order", "render", "render_all"]
