"""A hidden folder to write a data set in before it is moved into place; what a killed run left there is removed."""

import shutil
import tempfile
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: what a killed run left there must be removed by hand
    fcntl = None


@contextmanager
def workplace_beside(directory):
    """Hand out a new folder beside `directory`, for this process alone; remove it when the block ends.

    First removes the folders that killed processes left beside the same directory. A folder is known to be in use
    by a lock on a file in it, which the system lets go of when its process ends, however it ends. A folder without
    such a file is left alone.

    Args:
        directory: absolute path of what is to be written; its parent must exist.

    Yields:
        Path of the folder: hidden, on the same disk, empty but for the file that is locked.

    Example:
        >>> with tempfile.TemporaryDirectory() as parent, workplace_beside(Path(parent) / "steel") as folder:
        ...     folder.parent == Path(parent), folder.name.startswith(".steel-")
        (True, True)
    """
    _remove_stale(directory)
    folder = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        with open(folder / f"{directory.name}.unlocked", "wb") as lock:
            if _locked(lock):  # and only now under the name that others look for
                Path(lock.name).rename(folder / f"{directory.name}.lock")
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _locked(file):
    """Lock an open file until it is closed; False where another process has it, or files cannot be locked."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_stale(directory):
    """Remove the folders beside a directory whose process is gone."""
    name = escape(directory.name)
    for path in directory.parent.glob(f".{name}-*/{name}.lock"):
        with suppress(OSError), open(path, "r+b") as lock:  # it may vanish as its process ends
            if _locked(lock):
                shutil.rmtree(path.parent, ignore_errors=True)
