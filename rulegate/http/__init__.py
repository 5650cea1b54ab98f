"""The WSGI application: the only place that knows HTTP statuses."""

from rulegate.http.application import Application, Front

__all__ = ["Application", "Front"]
