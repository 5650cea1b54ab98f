"""A model that has a name and does what it is told by it, so that one request treats each of several models its way."""

import os
import re
import time

import mlflow


class Addressed(mlflow.pyfunc.PythonModel):
    """Commands are `name verb`, joined by `;`. It answers with its name."""

    def load_context(self, context):
        self.name = context.model_config["name"]

    def predict(self, context, model_input, params=None):
        result = [self.name]
        for command in str(model_input["command"].iloc[0]).split(";"):
            name, _, verb = command.partition(" ")
            if name == self.name:
                result = getattr(self, f"_{verb}")()
        return result

    def _die(self):
        os._exit(7)

    def _raise(self):
        raise ValueError("not this")

    def _object(self):
        return object()

    def _hang(self):
        """Waits, in one of the threads that it has."""
        time.sleep(3600)

    def _spin(self):
        """Computes for ever, in code that does not let other threads run."""
        re.match(r"(a|a)*$", "a" * 64 + "b")


mlflow.models.set_model(Addressed())
