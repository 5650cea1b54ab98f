"""A model that cannot be loaded."""

import mlflow


class Stubborn(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        raise RuntimeError("weights are missing in /srv/secret/weights.bin")

    def predict(self, context, model_input, params=None):
        return []


mlflow.models.set_model(Stubborn())
