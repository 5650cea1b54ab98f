"""A model that does to its process what no model should, as the first cell of its input says."""

import contextlib
import ctypes
import os
import sys
import time

import mlflow


class Wild(mlflow.pyfunc.PythonModel):
    """Each command is `verb` or `verb:argument`."""

    def predict(self, context, model_input, params=None):
        verb, _, argument = str(model_input["command"].iloc[0]).partition(":")
        return getattr(self, f"_{verb}")(argument)

    def _pid(self, _):
        return [os.getpid()]

    def _close(self, _):
        """Closes every file that it has, the connection to the gateway among them."""
        os.closerange(3, 4096)
        return ["closed"]

    def _fork(self, _):
        """Leaves behind a process that has all that it has, and tells its number."""
        pid = os.fork()
        if pid == 0:
            time.sleep(1000)
            os._exit(0)
        return [pid]

    def _exit(self, argument):
        os._exit(int(argument))

    def _segfault(self, _):
        ctypes.string_at(0)

    def _leave(self, argument):
        sys.exit(argument)

    def _interrupt(self, _):
        raise KeyboardInterrupt

    def _recurse(self, argument):
        return self._recurse(argument)

    def _nest(self, argument):
        """A result too deep to be written."""
        result = []
        for _ in range(int(argument)):
            result = [result]
        return result

    def _loop(self, _):
        """A result that holds itself."""
        result = []
        result.append(result)
        return result

    def _generator(self, _):
        return (number for number in range(3))

    def _bytes(self, _):
        return [b"\xff\xfe", {"a": {1, 2}}, object]

    def _move(self, _):
        os.chdir("/")
        os.environ.clear()
        sys.path.clear()
        return [os.getcwd()]

    def _big(self, mebibytes):
        return ["x" * (int(mebibytes) << 20)]

    def _speak_out_of_turn(self, _):
        """Writes into whatever connections it finds."""
        for descriptor in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(descriptor, b"\xff" * 4096)
        return ["spoken"]


mlflow.models.set_model(Wild())
