"""A model that does what the first cell of its input says, so that one model serves many tests."""

import os
import pathlib
import subprocess
import time

import mlflow


class Obedient(mlflow.pyfunc.PythonModel):
    """Each command is `verb` or `verb:argument`."""

    def predict(self, context, model_input, params=None):
        verb, _, argument = str(model_input["command"].iloc[0]).partition(":")
        return getattr(self, f"_{verb}")(argument)

    def _echo(self, argument):
        return [argument]

    def _pid(self, _):
        return [os.getpid()]

    def _raise(self, argument):
        raise ValueError(f"{argument} in {__file__}")

    def _flood(self, _):
        raise ValueError("é" * 20_000_000)

    def _refuse(self, argument):
        raise mlflow.exceptions.MlflowException(f"{argument} in /srv/secret/place.txt", error_code=1000)

    def _exit(self, argument):
        os._exit(int(argument))

    def _leave(self, argument):
        raise SystemExit(argument)

    def _nan(self, _):
        return [float("nan"), float("inf"), 1.5]

    def _object(self, _):
        return object()

    def _print(self, argument):
        print(argument)
        return ["printed"]

    def _start(self, _):
        """Starts a program that leaves the process group, and tells its number."""
        return [subprocess.Popen(["sleep", "1000"], start_new_session=True).pid]

    def _cwd(self, _):
        return [os.getcwd()]

    def _environment(self, pid):
        """What it finds of an environment: its own, or that of another process."""
        try:
            found = pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
        except OSError as error:
            return [repr(error)]
        return [found + ("\0".join(f"{k}={v}" for k, v in os.environ.items()) if pid == "self" else "")]

    def _await(self, argument):
        """Says that it has begun, waits for leave to answer, and tells its number."""
        folder = pathlib.Path(argument)
        (folder / "begun").touch()
        until = time.monotonic() + 30
        while not (folder / "go").exists():
            if time.monotonic() > until:
                raise TimeoutError(argument)
            time.sleep(0.01)
        return [os.getpid()]


mlflow.models.set_model(Obedient())
