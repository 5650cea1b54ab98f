"""A model that never answers."""

import threading

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Waiting(PythonModel):
    def predict(self, context, model_input, params=None):
        threading.Event().wait()


set_model(Waiting())
