"""Decision services: asked when a condition reads their answer, remembered for a while, left alone while they fail."""

from rulegate.external.data_api import DataApi
from rulegate.external.service import Service, ServiceFigures
from rulegate.external.services import Services
from rulegate.external.settings import Default, ServiceSettings
from rulegate.external.source import Answered, DecisionSource, Fault, NoAnswer

__all__ = [
    "Answered",
    "DataApi",
    "DecisionSource",
    "Default",
    "Fault",
    "NoAnswer",
    "Service",
    "ServiceFigures",
    "ServiceSettings",
    "Services",
]
