"""A model that raises what it is told to."""

from mlflow.exceptions import MlflowException, RestException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import ErrorCode
from mlflow.pyfunc import PythonModel


class Rude(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def fail(what):
    match what.split(":"):
        case "mlflow", code:
            raise MlflowException("the model does not want to", error_code=ErrorCode.Value(code))
        case "mlflow fields", _:
            raise MlflowException("with more to say", error_code=ErrorCode.Value("BAD_REQUEST"), reason="none")
        case "mlflow number", code:
            raise MlflowException("a number that is no code", error_code=int(code))
        case "rest", code:
            raise RestException({"error_code": code, "message": "from another server"})
        case "builtin", name:
            raise {"KeyError": KeyError, "ValueError": ValueError, "MemoryError": MemoryError}[name]("detail")
        case "recursion", _:
            return fail(what)
        case "rude", _:
            raise Rude
        case "path", _:
            raise MlflowException("there is no /srv/secret/place.txt")
        case "long", _:
            raise MlflowException("many words " * 1000)
        case "not JSON", _:
            raise MlflowException("fields of any type", error_code=ErrorCode.Value("BAD_REQUEST"), field={1})
    raise AssertionError(what)


class Raising(PythonModel):
    def predict(self, context, model_input, params=None):
        return fail(model_input.iloc[0, 0])


set_model(Raising())
