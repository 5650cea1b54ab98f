"""A model that answers with what it was registered with."""

import mlflow


class Versioned(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.number = context.model_config["number"]

    def predict(self, context, model_input, params=None):
        return [self.number] * len(model_input)


mlflow.models.set_model(Versioned())
