"""Installs what stands in for conda, with a channel of a few packages: ``make_conda.py ROOT LIBRARY``.

The channel is made of packages as conda's are: archives with an index. That of Python has what makes this machine's
Python look for its packages in the environment, so that no other has to be fetched.
"""

from __future__ import annotations

import asyncio
import bz2
import ensurepip
import hashlib
import io
import json
import platform
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT, LIBRARY = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.append(str(LIBRARY))

SHELL_SCRIPT = """
export CONDA_EXE='{root}/bin/conda'
conda() {{
    case "$1" in
        activate) todo="$("$CONDA_EXE" shell.posix "$@")" || return $?; eval "$todo"; hash -r ;;
        *) "$CONDA_EXE" "$@" ;;
    esac
}}
if [ -z "${{CONDA_SHLVL+x}}" ]; then
    export CONDA_SHLVL=0
fi
"""
GREETING = """
echo "a script that takes part in activation may print"
export GREETING="hello from $CONDA_PREFIX"
export LD_LIBRARY_PATH="$CONDA_PREFIX/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
"""


def main() -> None:
    program = Path(__file__).with_name("conda.py")
    launcher = f'#!/bin/sh\nexec {sys.executable} -I {program} {ROOT} {LIBRARY} "$0" "$@"\n'
    for name in ("bin/conda", "condabin/conda", "bin/mamba"):
        write(ROOT / name, launcher)
        (ROOT / name).chmod(0o755)
    write(ROOT / "etc/profile.d/conda.sh", SHELL_SCRIPT.format(root=ROOT))
    channel = ROOT / "channels" / "conda-forge"
    version, major_minor = platform.python_version(), "{}.{}".format(*sys.version_info)
    base = Path(sys.base_prefix) / "bin"
    packages = f"lib/python{major_minor}/site-packages"
    python = {
        "bin/python": base / f"python{major_minor}",
        "pyvenv.cfg": f"home = {base}\ninclude-system-site-packages = false\nversion = {version}\n".encode(),
    }
    package(channel, "python", version, python)
    bundled = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
    with zipfile.ZipFile(bundled) as wheel:
        pip = {f"{packages}/{name}": wheel.read(name) for name in wheel.namelist()}
    pip["bin/pip"] = b"import sys\nfrom pip._internal.cli.main import main\n\nsys.exit(main())\n"
    package(channel, "pip", bundled.name.split("-")[1], pip, "python")
    package(channel, "greeting", "1.0", {"etc/conda/activate.d/greeting.sh": GREETING.encode()})
    (channel / "noarch").mkdir()
    from rattler.index import index_fs

    asyncio.run(index_fs(channel))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def package(channel: Path, name: str, version: str, files: dict[str, bytes | Path], *depends: str) -> None:
    """Puts a package into the channel; a path among its contents is a link to there."""
    index = {
        "name": name,
        "version": version,
        "build": "0",
        "build_number": 0,
        "depends": depends,
        "subdir": "linux-64",
    }
    paths = [
        {"_path": path, "path_type": "softlink", "sha256": hashlib.sha256(b"").hexdigest(), "size_in_bytes": 0}
        if isinstance(content, Path)
        else {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_in_bytes": len(content),
        }
        for path, content in files.items()
    ]
    info = {
        "info/index.json": json.dumps(index).encode(),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(),
        "info/files": "\n".join(files).encode(),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, content in {**info, **files}.items():
            entry = tarfile.TarInfo(path)
            if isinstance(content, Path):
                entry.type, entry.linkname = tarfile.SYMTYPE, str(content)
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    folder = channel / "linux-64"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-{version}-0.tar.bz2").write_bytes(bz2.compress(archive.getvalue(), 1))


if __name__ == "__main__":
    main()
