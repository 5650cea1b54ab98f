"""A model that leaves a mark on disk each time it is loaded."""

import os
import pathlib
import uuid

import mlflow


class Counting(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        folder = pathlib.Path(os.environ["LOAD_MARKS"])
        (folder / uuid.uuid4().hex).touch()

    def predict(self, context, model_input, params=None):
        return [os.getpid()] * len(model_input)


mlflow.models.set_model(Counting())
