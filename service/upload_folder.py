"""Where files that are sent lie until they are read, and where nothing stays."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = logging.getLogger("wangge.uploads")

PREFIX = "wangge-uploads-"
_UNBORN = ".wangge-new-"


@contextmanager
def upload_folder(parent: Path | None = None) -> Iterator[Path]:
    """Give an empty folder of this process for the files that it is sent.

    Parameters
    ----------
    parent
        Where to make it; the system's folder for such things (``TMPDIR``) by default.

    Notes
    -----
    It is locked for as long as the process lives, however that ends, and removed with all that is
    in it at the end: by the process itself, or by the next one that starts beside it.
    """
    place = parent or Path(tempfile.gettempdir())
    remove_abandoned(place)
    unborn = Path(tempfile.mkdtemp(prefix=_UNBORN, dir=place))
    handle = os.open(unborn, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        # It gets the name by which others know it when it is locked, not a moment before.
        folder = unborn.rename(place / (PREFIX + unborn.name.removeprefix(_UNBORN)))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def remove_abandoned(place: Path) -> None:
    """Remove the folders of processes that died, if they were this account's."""
    for folder in place.glob(f"{PREFIX}*"):
        try:
            _remove_unlocked(folder)
        except OSError as error:  # another process removes it, too
            LOG.warning("%s could not be removed: %s", folder, error)


def _remove_unlocked(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # somebody is at home
    else:
        shutil.rmtree(folder)
    finally:
        os.close(handle)
