"""rulegate: one HTTP endpoint in front of many MLflow models, each request answered by the model a condition picks."""

__version__ = "0.1.0"
