"""Which files a notebook opens: noted while the series runs it, so that it is known what its results rest on.

Who runs the series names a file for the notes in the environment; `open_run` then has Python tell of each file that is
opened. A notebook that is opened by hand notes nothing.
"""

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "STEEL_OPENED_FILES"
READ, WRITTEN, RESULTS, ASKED = "read", "written", "results", "asked"
ASKED_FOR = "helpers.opened.is_there"  # told by `is_there`, since Python itself tells nothing of such a question
READ_RESULTS = "helpers.results.read"  # told by `read_results`, since each notebook opens results.json for its own sake
WRITING = os.O_WRONLY | os.O_RDWR


@contextmanager
def noting(path, places):
    """While the block runs, kernels that are started note the files that they open.

    Args:
        path: file for the notes; begun anew.
        places: folders and files; what lies elsewhere is not noted.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([str(place) for place in places]) + "\n", encoding="utf-8")
    os.environ[VARIABLE] = str(path)
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)


def note_opened_files():
    """Note from now on each file that this process opens, where it was asked to."""
    path = os.environ.pop(VARIABLE, None)
    if path is None:
        return
    with open(path, encoding="utf-8") as file:
        places = tuple(json.loads(file.readline()))
    notes = os.open(path, os.O_WRONLY | os.O_APPEND)
    folders = tuple(os.path.join(place, "") for place in places)
    seen = set()

    def listen(event, arguments):
        note = _describe(event, arguments)
        if note is None or note in seen:
            return
        seen.add(note)
        if note[1] in places or note[1].startswith(folders):
            os.write(notes, (json.dumps(note) + "\n").encode())

    sys.addaudithook(listen)


def is_there(path):
    """Whether there is such a file; the series is told of the question, since what is made hangs on the answer."""
    sys.audit(ASKED_FOR, str(path))
    return Path(path).is_file()


def _describe(event, arguments):
    """(kind, path) of what Python tells of; None where that is about no file which is opened, moved or asked for."""
    if event == "open":
        path, mode, flags = arguments
        written = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & WRITING)
        kind = WRITTEN if written else READ
    elif event == "os.rename":
        kind, path = WRITTEN, arguments[1]
    elif event in (READ_RESULTS, ASKED_FOR):
        kind, path = RESULTS if event == READ_RESULTS else ASKED, arguments[0]
    else:
        return None
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None  # a file that is open already
    return kind, os.path.abspath(os.fsdecode(path))


def read_notes(path):
    """What was noted; a last line that a kill cut off is left out.

    Returns:
        dict of "read", "written", "results" and "asked" -> set of paths; empty sets where there are no notes.
    """
    noted = {kind: set() for kind in (READ, WRITTEN, RESULTS, ASKED)}
    path = Path(path)
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]:
            if line.endswith("\n"):
                kind, opened = json.loads(line)
                noted[kind].add(Path(opened))
    return noted
