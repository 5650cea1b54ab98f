"""The folders of environments: how one appears when it is whole, how it is held, and when it goes.

    NAME ──► NAME-RANDOM     a link to what was made; NAME is a hash of all that it depends on
    NAME-RANDOM/             one try to make it, made where it stays, since it cannot be moved

A try is locked by who makes it, and then by each process that uses it; the kernel gives the locks back whatever happens
to those. So no two users need to know of each other, be they of several gateways that share the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

NAME_CHARACTERS = 40
"""Hexadecimal digits in a NAME."""

_TRY = re.compile(rf"[0-9a-f]{{{NAME_CHARACTERS}}}-.+")


@contextlib.contextmanager
def making(place: Path) -> Iterator[Path]:
    """A new folder to make an environment in; leads the link ``place`` to it if all goes well, removes it if not.

    Raises:
        OSError: If the folder cannot be made.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
    with _alone(made):
        try:
            yield made
            link = made / "link"
            link.symlink_to(made, target_is_directory=True)
            link.rename(place)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise


def hold(made: Path) -> int:
    """Keeps what was made from going: an open file that does so until every copy of it, inherited ones too, is closed.

    Raises:
        OSError: If it is gone, or just going.
    """
    descriptor = os.open(made, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        # When it was last held is when it was last of use.
        os.utime(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def prune(place: Path, limit_bytes: int) -> None:
    """Removes tries that came to nothing, and what all hold beyond the limit, least recently held first.

    What ``place`` means stays, and so does whatever is held or being made.
    """
    links = {link.resolve(): link for link in place.parent.iterdir() if link.is_symlink()}
    made = sorted((p for p in place.parent.iterdir() if _TRY.fullmatch(p.name)), key=lambda path: path.stat().st_mtime)
    sizes = {path: _size_bytes(path) for path in made}
    excess_bytes = sum(sizes.values()) - limit_bytes
    for path in made:
        link = links.get(path.resolve())
        if link == place or (link is not None and excess_bytes <= 0):
            continue
        with contextlib.suppress(OSError), _alone(path):
            if link is not None:
                link.unlink()
            shutil.rmtree(path, ignore_errors=True)
            excess_bytes -= sizes[path]


@contextlib.contextmanager
def _alone(made: Path) -> Iterator[None]:
    """Holds the folder alone.

    Raises:
        OSError: If somebody else holds it, or it is gone.
    """
    descriptor = os.open(made, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _size_bytes(folder: Path) -> int:
    files = (file.lstat() for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return sum(file.st_blocks * 512 for file in files)
