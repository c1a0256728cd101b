"""Writing files so that a kill at any moment leaves the last good state."""

import json
import math
import os
import shutil
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_beside(path):
    """Hand out a path beside `path`; move it into place when the block ends without an error.

    Args:
        path: where the file shall be; its folder is made when missing.

    Yields:
        Path in the same folder, with the same suffixes, to write to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with written_beside(Path(folder) / "note.txt") as beside:
        ...         _ = beside.write_text("steel")
        ...     (Path(folder) / "note.txt").read_text()
        'steel'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path, text):
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with written_beside(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_csv(path, table, **arguments):
    """Write a pandas table to `path` as CSV, whole or not at all."""
    with written_beside(path) as beside:
        table.to_csv(beside, **arguments)


def write_json(path, value):
    """Write `value` to `path` as JSON, whole or not at all; NaN and infinities become null."""
    write_text(path, json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path):
    """Read a JSON file.

    Raises:
        ValueError: the file holds no JSON; the message names file and line.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(
            f"{path}: this is no JSON ({error}). Mend it, or delete the file to have it written again."
        ) from None


def replace_folder(new, path):
    """Put the folder `new` in the place of `path`; what was there stays until `new` is whole.

    A kill between the two moves leaves the old folder under the name `.old-<name>`; `restore_folder` brings it back.
    """
    path = Path(path)
    old = path.with_name(f".old-{path.name}")
    restore_folder(path)
    if path.exists():
        os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError:
        restore_folder(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(path):
    """Bring back the folder that a killed `replace_folder` moved away, or clear it when it is no longer needed."""
    path = Path(path)
    old = path.with_name(f".old-{path.name}")
    if old.exists() and path.exists():
        shutil.rmtree(old)
    elif old.exists():
        os.replace(old, path)


def _plain(value):
    """Turn NumPy scalars, paths and non-finite numbers into what JSON knows."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
