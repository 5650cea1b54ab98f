"""The part of conda's command line that MLflow uses, around the library rattler.

conda itself comes from channels of its own, which tests should not need. What stands in for it here reads channels,
solves, links packages from a cache and keeps `conda-meta` by rattler, which other programs of conda's world are made
of; arguments, variables of the environment and what activation exports are as conda's documentation has them. Started
as ``conda.py ROOT LIBRARY NAME ARGUMENT…``, where ROOT is the folder of the installation, LIBRARY has rattler, and NAME
is what it was called by: mamba's command line is the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(sys.argv[1])
sys.path.append(sys.argv[2])


def main() -> None:
    match sys.argv[4:]:
        case ["--help"]:
            print("usage: conda COMMAND")
        case ["env", "list", "--json"]:
            folders = sorted(path for path in environments().glob("*") if (path / "conda-meta").is_dir())
            print(json.dumps({"envs": [str(ROOT), *map(str, folders)]}))
        case ["env", "create", *arguments]:
            parser = argparse.ArgumentParser()
            parser.add_argument("-n", dest="name", required=True)
            parser.add_argument("--file", type=Path, required=True)
            options = parser.parse_args(arguments)
            create(environments() / options.name, options.file)
        case ["remove", "--yes", "--name", name, "--all"]:
            shutil.rmtree(environments() / name)
        case ["shell.posix", "activate", name]:
            print("\n".join(activation(environments() / name)))
        case _:
            sys.exit(f"conda: error: not a command here: {shlex.join(sys.argv[4:])}")


def environments() -> Path:
    if "CONDA_ENVS_DIRS" in os.environ and "CONDA_ENVS_PATH" in os.environ:
        sys.exit("MultipleKeysError: multiple aliased keys for envs_dirs: CONDA_ENVS_DIRS, CONDA_ENVS_PATH")
    return Path(os.environ.get("CONDA_ENVS_PATH", ROOT / "envs"))


def create(prefix: Path, file: Path) -> None:
    if prefix.exists():
        sys.exit(f"CondaValueError: prefix already exists: {prefix}")
    wanted = yaml.safe_load(file.read_text())
    for name in ("CONDA_ALLOW_SOFTLINKS", "CONDA_ALWAYS_SOFTLINK"):
        assert os.environ[name] == "false"
    specs = [spec for spec in wanted["dependencies"] if isinstance(spec, str)]
    asyncio.run(install(prefix, channels(wanted), specs))
    state = {"version": 1, "env_vars": wanted.get("variables", {})}
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    (prefix / "conda-meta" / "state").write_text(json.dumps(state))
    (prefix / "conda-meta" / "history").write_text(f"# cmd: {shlex.join(sys.argv[3:])}\n")
    for part in wanted["dependencies"]:
        if isinstance(part, dict):
            # As conda does: beside the file, so that what it refers to is found.
            requirements = file.parent / "condaenv.requirements.txt"
            requirements.write_text("\n".join(part["pip"]))
            pip = [prefix / "bin" / "python", "-m", "pip", "install", "-U", "-r", requirements, "--exists-action=b"]
            if subprocess.run(pip, cwd=file.parent, check=False).returncode != 0:
                sys.exit("CondaEnvException: Pip failed")
            requirements.unlink()


def channels(wanted: dict[str, Any]) -> list[str]:
    alias = os.environ["CONDA_CHANNEL_ALIAS"]
    return [channel if "://" in channel else f"{alias}/{channel}" for channel in wanted["channels"]]


async def install(prefix: Path, sources: list[str], specs: list[str]) -> None:
    from rattler import Gateway, install, solve
    from rattler.exceptions import SolverError

    cache = Path(os.environ.get("CONDA_PKGS_DIRS", ROOT / "pkgs"))
    gateway = Gateway(cache_dir=cache / "cache")
    try:
        records = await solve(sources, specs, gateway=gateway, platforms=["linux-64", "noarch"])
    except SolverError as error:
        sys.exit(f"ResolvePackageNotFound: {error}")
    await install(records, prefix, cache_dir=cache, show_progress=False)


def activation(prefix: Path) -> list[str]:
    """What a shell is to do."""
    if not (prefix / "conda-meta").is_dir():
        sys.exit(f"EnvironmentNameNotFound: Could not find conda environment: {prefix.name}")
    level = int(os.environ.get("CONDA_SHLVL") or 0)
    path = os.environ["PATH"].split(os.pathsep)
    variables = {}
    if level == 0:
        path.insert(0, str(ROOT / "condabin"))
    else:
        # What was active is to be left, so a level without its folder is an error.
        left = variables[f"CONDA_PREFIX_{level}"] = os.environ["CONDA_PREFIX"]
        path.remove(f"{left}/bin")
    variables |= {
        "PATH": os.pathsep.join([str(prefix / "bin"), *path]),
        "CONDA_PREFIX": str(prefix),
        "CONDA_SHLVL": str(level + 1),
        "CONDA_DEFAULT_ENV": prefix.name,
        "CONDA_PROMPT_MODIFIER": f"({prefix.name}) ",
        "CONDA_EXE": str(ROOT / "bin" / "conda"),
    }
    state = prefix / "conda-meta" / "state"
    for name, value in (json.loads(state.read_text())["env_vars"] if state.exists() else {}).items():
        if name in os.environ:
            variables[f"__CONDA_SHLVL_{level}_{name}"] = os.environ[name]
        variables[name] = value
    scripts = sorted((prefix / "etc" / "conda" / "activate.d").glob("*.sh"))
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return [f"PS1='({prefix.name}) '", *exports, *(f". {shlex.quote(str(script))}" for script in scripts)]


main()
