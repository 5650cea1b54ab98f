"""What of the gateway's environment other processes get, and that the rest cannot be read."""

from __future__ import annotations

import subprocess
import sys

from rulegate.serving.exposure import for_installers, for_models

ENVIRONMENT = {
    "PATH": "/bin",
    "LC_ALL": "C",
    "PYTHONPATH": "/gateway",
    "VIRTUAL_ENV": "/gateway/.venv",
    "OMP_NUM_THREADS": "2",
    "HF_HOME": "/hf",
    "HF_TOKEN": "secret",
    "MLFLOW_TRACKING_PASSWORD": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "HTTPS_PROXY": "http://user:secret@proxy",
    "PIP_INDEX_URL": "https://index",
    "PATHS": "no PATH",
    "CONDARC": "/condarc",
    "CONDA_EXE": "/conda/bin/conda",
    "CONDA_PREFIX": "/gateway",
    "CONDA_PREFIX_1": "/conda",
    "CONDA_SHLVL": "2",
}


def test_models_get_what_is_listed_and_nothing_else():
    listed = {"PATH", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "OMP_NUM_THREADS"}
    assert for_models(ENVIRONMENT, ()).keys() == listed


def test_names_and_beginnings_of_names_add_to_the_list():
    added = for_models(ENVIRONMENT, ("HF_HOME", "AWS_*", "NONE")).keys() - for_models(ENVIRONMENT, ()).keys()
    assert added == {"HF_HOME", "AWS_SECRET_ACCESS_KEY"}


def test_installers_reach_their_index_and_find_nothing_of_the_gateways():
    """That an environment of conda's is active counts as the gateway's, else conda would try to leave it."""
    known = {"PATH", "LC_ALL", "OMP_NUM_THREADS", "HTTPS_PROXY", "PIP_INDEX_URL", "CONDARC", "CONDA_EXE"}
    assert for_installers(ENVIRONMENT).keys() == known | {"PYTHONNOUSERSITE"}
    assert for_installers(ENVIRONMENT)["PYTHONNOUSERSITE"] == "1"


READ = """
import ctypes, os, sys
from rulegate.serving.exposure import hide_this_process

def is_readable(pid):
    try:
        return bool(open(f"/proc/{pid}/environ", "rb").read(1))
    except PermissionError:
        return False

if os.geteuid() == 0:
    os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # a change of the user hides, too
middle = os.getpid()
answers = []
for hidden in (False, True):
    if hidden:
        hide_this_process()
    reader = os.fork()
    if reader == 0:
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
        os._exit(is_readable(middle))
    answers.append(os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]))
print(answers)
"""


def test_a_hidden_process_cannot_be_read_by_another_of_its_user():
    done = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[1, 0]\n", done.stderr
