"""A model that misbehaves as it is told: by a file while it is loaded, by the first cell of its input afterwards."""

import os
import pathlib
import re
import signal

import mlflow


class Moody(mlflow.pyfunc.PythonModel):
    """Each command is `verb` or `verb:argument`. What it has been told to allocate, it keeps."""

    def load_context(self, context):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.hoard = []
        mood = pathlib.Path(os.environ.get("MOOD", "/nonexistent"))
        match mood.read_text() if mood.exists() else "good":
            case "hang":
                self._spin("")
            case "fail":
                raise RuntimeError("not today")

    def predict(self, context, model_input, params=None):
        verb, _, argument = str(model_input["command"].iloc[0]).partition(":")
        return getattr(self, f"_{verb}")(argument)

    def _pid(self, _):
        return [os.getpid()]

    def _exit(self, argument):
        os._exit(int(argument))

    def _allocate(self, mebibytes):
        self.hoard.append(b"x" * (int(mebibytes) << 20))
        return ["allocated"]

    def _flood(self, mebibytes):
        line = "x" * 1023
        for _ in range(int(mebibytes) << 10):
            print(line)
        return ["printed"]

    def _spin(self, _):
        """Computes for ever, in code that does not let other threads run."""
        re.match(r"(a|a)*$", "a" * 64 + "b")


mlflow.models.set_model(Moody())
