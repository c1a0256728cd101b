"""Where images come from: folders, files, globs and addresses of remote stores, as one sorted list of named images."""

import glob
import hashlib
import os
import posixpath
from dataclasses import dataclass
from pathlib import Path

REMOTE = "An address needs the package fsspec: pip install 'steel-defect-report[remote]'."


@dataclass(frozen=True)
class Source:
    """An image that can be read, here or on another machine that sees the same places.

    Attributes:
        name: its path from the folder that all images have in common, with "/" between folders; no two are the same.
        path: where it lies.
        place: the address whose store it lies in; "" on this machine's disks.
        size: of the file in bytes; 0 where the store doesn't tell.
        mark: text that changes when the file does.
    """

    name: str
    path: str
    place: str
    size: int
    mark: str

    def read(self):
        """The file's bytes.

        Raises:
            OSError: it can't be read.
        """
        if not self.place:
            return Path(self.path).read_bytes()
        return open_store(self.place)[0].cat_file(self.path)


def find_images(places):
    """List the images of some places. Every file counts as one, save for hidden ones.

    Args:
        places: texts or paths: a folder (with the folders in it), a file, a pattern such as `sheets/**/*.jpg`, or an
            address that fsspec knows, such as `s3://bucket/sheets` or `zip://*.jpg::sheets.zip`.

    Returns:
        List of `Source`, sorted by name; the same files give the same list.

    Raises:
        FileNotFoundError: there is nothing at one of the places.
        ValueError: the places lie in different stores.
        ImportError: an address was given, and fsspec or what it needs for such an address is missing.
    """
    places = [os.fspath(place) for place in places]
    remote = [is_address(place) for place in places]
    if any(remote) and not all(remote):
        raise ValueError(
            f"got {places[0]} and {places[-1]}, expected all images in one store. Give one after the other."
        )
    found, roots = {}, []
    for place in places:
        root, files = _list_store(place, places[0]) if remote[0] else _list_disk(place)
        if not files:
            raise FileNotFoundError(f"{place}: no file is there; expected images. Check the name and the folder.")
        roots.append(root)
        found |= files
    common = (posixpath if remote[0] else os.path).commonpath(roots)
    sources = [Source(_name(path, common), path, places[0] if remote[0] else "", *told) for path, told in found.items()]
    return sorted(sources, key=lambda source: (source.name, source.path))


def is_address(place):
    """Whether it is an address for fsspec and no path.

    Example:
        >>> is_address("memory://sheets"), is_address("C:/sheets"), is_address("zip://*.jpg::a.zip")
        (True, False, True)
    """
    return "://" in place or "::" in place


def open_store(address):
    """(fsspec file system, path in it) of an address.

    Raises:
        ImportError: fsspec, or what it needs for such an address, is missing.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise ImportError(f"{address}: {REMOTE}") from None
    return url_to_fs(address)


def _name(path, root):
    """A path from a root, with "/"; bytes that are no UTF-8 appear as escapes."""
    relative = path[len(root) :].replace(os.sep, "/").lstrip("/")
    return (relative or posixpath.basename(path)).encode("utf-8", "backslashreplace").decode("utf-8")


def _is_hidden(relative):
    return any(part.startswith(".") and part not in (".", "..") for part in relative.replace(os.sep, "/").split("/"))


def _literal_head(pattern):
    """The folder that a pattern begins with, before its first wild card."""
    head = os.path.dirname(pattern[: next(place for place, letter in enumerate(pattern) if letter in "*?[")])
    return head or os.curdir


def _list_disk(place):
    """(the folder that names start from, dict of path -> (size, mark)) of a place on this machine's disks."""
    if os.path.isdir(place):
        root, found = place, _walk(place)
    elif glob.has_magic(place) and not os.path.exists(place):
        root = _literal_head(place)
        found = [path for path in glob.iglob(place, recursive=True) if os.path.isfile(path)]
    else:
        root, found = os.path.dirname(place), [place] if os.path.exists(place) else []
    root = os.path.abspath(root)
    return root, {os.path.abspath(path): _look(path) for path in found}


def _walk(folder):
    """Files of a folder and of those in it; links to folders are not followed, since they may lead in a circle."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(parent, name) for name in files if not name.startswith("."))


def _look(path):
    """(size, mark) of a file; a link that leads nowhere is listed, and turns out to be unreadable."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, ""
    return status.st_size, f"{status.st_size} {status.st_mtime_ns}"


def _list_store(place, first):
    """The same as `_list_disk`, of an address."""
    store, path = open_store(place)
    if open_store(first)[0] != store:
        raise ValueError(f"got {first} and {place}, expected all images in one store. Give one after the other.")
    if glob.has_magic(path):
        root, found = _literal_head(path), store.glob(path, detail=True)
    elif store.isdir(path):
        root, found = path, store.find(path, detail=True)
    else:
        root, found = posixpath.dirname(path), {path: store.info(path)} if store.exists(path) else {}
    files = {name: about for name, about in found.items() if about["type"] == "file"}
    files = {name: about for name, about in files.items() if not _is_hidden(name[len(root) :])}
    return root, {name: (int(about.get("size") or 0), _mark(about)) for name, about in files.items()}


def _mark(about):
    """A text that changes when what a store tells of a file does."""
    told = sorted((key, str(value)) for key, value in about.items())
    return hashlib.sha256(repr(told).encode("utf-8", "backslashreplace")).hexdigest()[:16]
