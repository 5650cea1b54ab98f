"""A model whose prediction takes no parameters."""

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class WithoutParams(PythonModel):
    def predict(self, context, model_input):
        return len(model_input)


set_model(WithoutParams())
