"""Everything that is said about a configuration: one constructor per diagnostic, one code per kind of fault."""

from rulegate.config.messages.codes import CODES, SILENT_CODES, Fault

__all__ = ["CODES", "SILENT_CODES", "Fault"]
