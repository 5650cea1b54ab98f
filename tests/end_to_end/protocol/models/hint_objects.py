"""A model whose signature is its type hint: objects with fields."""

import pydantic
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Order(pydantic.BaseModel):
    item: str
    count: int = 1
    price: float | None = None


class Orders(PythonModel):
    def predict(self, model_input: list[Order]) -> list[str]:
        return [f"{type(order).__name__} {order!r}" for order in model_input]


set_model(Orders())
