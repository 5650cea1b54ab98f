"""A model whose process ends while it is being loaded."""

import os

import mlflow


class Dying(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        os._exit(7)

    def predict(self, context, model_input, params=None):
        return []


mlflow.models.set_model(Dying())
