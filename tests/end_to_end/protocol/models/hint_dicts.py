"""A model whose signature is its type hint: dictionaries of lists."""

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Dicts(PythonModel):
    def predict(self, model_input: list[dict[str, list[float]]]) -> list[str]:
        return [repr(item) for item in model_input]


set_model(Dicts())
