"""Asks other servers over HTTP: pooled connections, and one moment by which all of an answer must have come."""

from rulegate.client.address import Address
from rulegate.client.client import Answer, Client
from rulegate.client.errors import AnswerBroken, AnswerTooLarge, AskError, ConnectionLost, TooLate, Unreachable

__all__ = [
    "Address",
    "Answer",
    "AnswerBroken",
    "AnswerTooLarge",
    "AskError",
    "Client",
    "ConnectionLost",
    "TooLate",
    "Unreachable",
]
