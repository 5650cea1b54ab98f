"""A model whose signature is its type hint: texts."""

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Texts(PythonModel):
    def predict(self, model_input: list[str], params=None) -> list[str]:
        return [text.upper() for text in model_input]


set_model(Texts())
