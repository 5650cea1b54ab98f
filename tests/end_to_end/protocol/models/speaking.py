"""A model that speaks bit by bit, as it is told to; it leaves marks of how far it came in a folder."""

import os
import threading
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Speaking(PythonModel):
    def predict(self, context, model_input, params=None):
        return "whole"

    def predict_stream(self, context, model_input, params=None):
        marks = Path(model_input.get("marks", "."))
        try:
            for number, word in enumerate(model_input["prompt"].split()):
                match word.split(":"):
                    case "large", times:
                        for part in range(int(times)):
                            (marks / f"part-{part}").touch()
                            yield "x" * 100_000
                    case ["await"]:
                        while not (marks / "go").exists():
                            threading.Event().wait(0.01)
                    case ["raise"]:
                        raise RuntimeError("a secret of the server")
                    case ["refuse"]:
                        raise MlflowException.invalid_parameter_value("there is no such word")
                    case ["set"]:
                        yield {1}
                    case ["hang"]:
                        threading.Event().wait()
                    case ["exit"]:
                        os._exit(1)
                    case _:
                        yield {"word": word, "number": number / 2 if number else float("nan")}
        finally:
            if marks.name:
                (marks / "ended").touch()


set_model(Speaking())
