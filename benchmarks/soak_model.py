"""A model whose prediction is its number."""

import mlflow


class Numbered(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.number = context.model_config["number"]

    def predict(self, model_input):
        return [self.number] * len(model_input)


mlflow.models.set_model(Numbered())
