"""A model that tells which packages it has."""

import os
import sys

import cachetools
import mlflow


class Versions(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        facts = {"cachetools": cachetools.__version__, "prefix": sys.prefix, "path": sys.path, "pid": os.getpid()}
        return [{**facts, "environment": dict(os.environ)}]


mlflow.models.set_model(Versions())
