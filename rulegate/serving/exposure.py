"""What of the gateway's environment its child processes are given, and how the rest is kept from them.

Models' processes run code that models ship, and installers run code that packages ship. Credentials of the registry, of
artifact stores and of whatever else the gateway was started with are none of their business, so each kind of process
gets the variables on a list and no others. What is not on it must not be found elsewhere either: a process that holds
it hides itself from the other processes of its user.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping

MODEL_VARIABLES = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_*"),
    *("PYTHON*", "VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_*"),
    *("OMP_*", "KMP_*", "OPENBLAS_*", "MKL_*", "NUMEXPR_*", "CUDA_*", "NVIDIA_*"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""What every process gets: where things are, the language, and how numerical libraries use the machine."""

INSTALLER_VARIABLES = (
    *("PIP_*", "UV_*", "PYENV_*", "CONDA_*", "CONDARC", "MAMBA_*", "MAMBARC", "MLFLOW_CONDA_*", "XDG_*"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"),
)
"""What installers of packages get beyond that: which index to use and how to reach it."""

_GATEWAYS_PYTHON = (
    *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"),
    *("CONDA_PREFIX*", "CONDA_SHLVL", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER", "CONDA_STACKED_*"),
)
"""What activating the gateway's environment has set; to conda, half of it is worse than nothing."""

_PR_SET_DUMPABLE = 4


def for_models(environment: Mapping[str, str], named: Iterable[str]) -> dict[str, str]:
    """The variables that models' processes get.

    Args:
        environment: The gateway's own.
        named: Names that the configuration adds, or their beginnings followed by ``*``.
    """
    return listed(environment, (*MODEL_VARIABLES, *named))


def for_installers(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that installers of packages get; the gateway's own packages are not found through them."""
    return without_the_gateways_python(listed(environment, (*MODEL_VARIABLES, *INSTALLER_VARIABLES)))


def without_the_gateways_python(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables but for those that lead another Python to the packages of this one.

    Nor is it to look for those of its user, among which the gateway may be: a Python of conda's does unless it is told.
    """
    gateways = listed(environment, _GATEWAYS_PYTHON)
    kept = {name: value for name, value in environment.items() if name not in gateways}
    return {**kept, "PYTHONNOUSERSITE": "1"}


def listed(environment: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """The variables that are on a list of names, or of their beginnings followed by ``*``."""
    wanted = tuple(patterns)
    prefixes = tuple(pattern.removesuffix("*") for pattern in wanted if pattern.endswith("*"))
    return {name: value for name, value in environment.items() if name in wanted or name.startswith(prefixes)}


def hide_this_process() -> None:
    """Keeps this process's memory and environment from other processes of its user, and from its core dumps.

    Processes that it forks are hidden too, until they run another program. It does not hide anything from root.

    Raises:
        OSError: If the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "the process cannot be hidden")
