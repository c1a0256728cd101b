"""What is known of each step's last run: what went in, what came out, and whether it is all still there."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from helpers.files import read_json, write_json
from helpers.opened import ASKED, RESULTS, WRITTEN, read_notes
from helpers.opened import READ as OPENED
from helpers.runs import CODE
from helpers.series.parameters import SeriesError

STEPS = "steps"
PROJECT, HELPERS = "$PROJECT/", "$HELPERS/"
# Files of a run that no step is judged by: about the run as a whole, or kept so that work can go on after a kill.
ABOUT_THE_RUN = ("run.json", "results.json", "images.csv", "copies.json", "problems.csv", "problems.json",
                 "kernels.log", "report.json")  # fmt: skip
KEPT_FOR_LATER = ("checkpoint.npz", "best.npz", "trained.npz", "checkpoint.faulty.npz", "best.faulty.npz",
                  "trained.faulty.npz", "budget.json", "test.jsonl")  # fmt: skip
OTHER_FOLDERS = (STEPS, "partial", "history", "cache")


@dataclass(frozen=True)
class Places:
    """Where the files lie that a step may rest on; in records they go by names that hold on other machines too.

    Attributes:
        root: the project's folder.
        run: the run's directory.
    """

    root: Path
    run: Path

    def name(self, path):
        """The name of a file in records."""
        path = Path(path)
        for folder, before in ((self.run, ""), (CODE, HELPERS), (self.root, PROJECT)):
            if path.is_relative_to(folder):
                return before + path.relative_to(folder).as_posix()
        return str(path)

    def path(self, name):
        """The file of that name."""
        for folder, before in ((self.root, PROJECT), (CODE, HELPERS)):
            if name.startswith(before):
                return folder / name.removeprefix(before)
        return self.run / name  # which is the name itself where that is a whole path

    def record(self, label):
        """The file that holds the record of a step."""
        return self.run / STEPS / f"{label}.json"

    def notes(self, label):
        """The file in which a step notes what it opens; it is there after a run that didn't end."""
        return self.run / STEPS / f"{label}.opened"


class Digests:
    """SHA-256 of files; one whose size and time are known from a record is not read again."""

    def __init__(self):
        self._known = {}

    def learn(self, path, entry):
        """Take over what a record says: [sha256, bytes, modified_ns]."""
        sha256, *status = entry
        self._known[(str(path), *status)] = sha256

    def of(self, path):
        """[sha256, bytes, modified_ns] of a file; None where there is none."""
        path = Path(path)
        try:
            status = path.stat()
            key = (str(path), status.st_size, status.st_mtime_ns)
            if key not in self._known:
                with open(path, "rb") as file:
                    self._known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None
        return [self._known[key], *key[1:]]


@dataclass(frozen=True)
class Record:
    """The record of a step's last run.

    Attributes:
        label: of the step.
        begun: when, as text.
        finished: when; "" where the run didn't end.
        seconds: how long it took.
        inputs: dict of `helpers.series.changes.Now.inputs`.
        outputs: dict of file name -> [sha256, bytes, modified_ns].
        recorded: digest of the numbers that it recorded.
        own: names of files that it wrote then or before, also where it didn't end.
        kept: names of files that it keeps so that work can go on after a kill.
    """

    label: str
    begun: str
    finished: str = ""
    seconds: float = 0.0
    inputs: dict = None
    outputs: dict = None
    recorded: str = ""
    own: tuple = ()
    kept: tuple = ()

    def write(self, places):
        """Keep it."""
        write_json(places.record(self.label), vars(self))


def read_records(places, digests):
    """The records of all steps that were begun in a run, by label.

    Args:
        places: `Places`.
        digests: `Digests`, which learn what the records say.

    Raises:
        SeriesError: a file there is no record.
    """
    records = {}
    for path in sorted((places.run / STEPS).glob("*.json")):
        try:
            record = Record(**read_json(path))
        except (TypeError, ValueError):
            raise SeriesError(f"{path}: this is no record of a step. Delete it; the step runs again then.") from None
        if not record.finished:
            noted = sort_notes(places, record.label)
            own, kept = {*record.own, *noted.written}, {*record.kept, *noted.kept}
            record = replace(record, own=tuple(sorted(own)), kept=tuple(sorted(kept)))
        for entries in (record.outputs, (record.inputs or {}).get("files")):
            for name, entry in (entries or {}).items():
                if entry:
                    digests.learn(places.path(name), entry)
        records[record.label] = record
    return records


@dataclass(frozen=True)
class Noted:
    """What a step opened, by the names of records, and whether it read the results.

    Attributes:
        read: names of files.
        written: the same.
        kept: of those that it keeps for later.
        asked: of those of which it asked whether they are there.
        results: whether it read what others recorded.
    """

    read: frozenset
    written: frozenset
    kept: frozenset
    asked: frozenset
    results: bool


def sort_notes(places, label):
    """What a step noted, without the files that no step is judged by: `Noted`."""
    noted = read_notes(places.notes(label))
    names = {kind: {places.name(path) for path in noted[kind]} for kind in (OPENED, WRITTEN, ASKED)}
    kept = {name for name in names[OPENED] | names[WRITTEN] if Path(name).name in KEPT_FOR_LATER}
    counted = {kind: {name for name in found - kept if _counts(name)} for kind, found in names.items()}
    return Noted(
        frozenset(counted[OPENED] - counted[WRITTEN]),
        frozenset(counted[WRITTEN]),
        frozenset(kept),
        frozenset(counted[ASKED] - counted[WRITTEN]),
        bool(noted[RESULTS]),
    )


def _counts(name):
    """Whether a file of this name is something that a step is judged by."""
    path = Path(name)
    if name.startswith(HELPERS):
        return path.suffix not in (".py", ".pyc")
    return path.is_absolute() or not (
        name in ABOUT_THE_RUN
        or set(path.parts[:-1]) & set(OTHER_FOLDERS)
        or any(part.startswith(".") for part in path.parts)
    )
