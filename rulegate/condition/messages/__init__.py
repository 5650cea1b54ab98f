"""Every diagnostic of the condition language, one constructor each: its code, its message and its hint."""

from rulegate.condition.messages.codes import Code

__all__ = ["Code"]
