"""Whether a step has to run again, and why."""

import hashlib
import json
import platform
from dataclasses import dataclass
from pathlib import Path

from helpers.code import imported_modules, module_digests
from helpers.results import read_results
from helpers.runs import package_versions
from helpers.series.parameters import SeriesError, read_cells, read_parameters
from helpers.series.plan import paths_from_root, place_of, scope_of
from helpers.series.profiles import OWN
from helpers.series.records import Digests, Places

SHOWN = 3  # reasons that one line names
LONGEST_PATH = 500  # characters; a longer text is no path
RUN_PYTHON = ("%%time", "%%timeit", "%%capture", "%%prun")  # magics of IPython below which a cell is Python


@dataclass(frozen=True)
class Now:
    """How things stand, for comparing them with the record of a step's last run.

    Attributes:
        places: `Places`.
        digests: `Digests`.
        data: dict that tells the data set from others: its name, fingerprint and faults.
    """

    places: Places
    digests: Digests
    data: dict

    def inputs(self, step, files, reads_results):
        """What goes into a step.

        Args:
            step: a `Step`.
            files: names of the files that it read when it last ran, or asked for.
            reads_results: whether it read what earlier steps recorded.

        Returns:
            dict of source, modules, parameters, versions, data, results (None where it reads none) and files (None
            for one that isn't there).
        """
        notebook = self.places.root / "notebooks" / f"{step.notebook}.ipynb"
        names = {*files, *map(self.places.name, self._parameter_files(step))}
        return {
            "source": _source_digest(notebook),
            "modules": _notebook_modules(notebook),
            "parameters": self.parameters(step),
            "versions": {"python": platform.python_version(), **package_versions()},
            "data": self.data,
            "results": self.earlier_results(step) if reads_results else None,
            "files": {name: self.digests.of(self.places.path(name)) for name in sorted(names)},
        }

    def parameters(self, step):
        """The values of a step's parameters, paths below the project's folder as seen from there."""
        known = read_parameters(self.places.root / "notebooks" / f"{step.notebook}.ipynb")
        values = {name: parameter.default for name, parameter in known.items() if name not in OWN} | step.parameters
        # as JSON gives them back, so that they can be compared with a record's
        return json.loads(json.dumps({name: self._portable(value) for name, value in values.items()}))

    def _portable(self, value):
        if isinstance(value, str) and Path(value).is_absolute() and Path(value).is_relative_to(self.places.root):
            return Path(value).relative_to(self.places.root).as_posix()
        return value

    def _parameter_files(self, step):
        """Files that the parameters name."""
        folder = self.places.root / "notebooks"
        values = paths_from_root(self.places.root, step).values()
        texts = [value for value in values if isinstance(value, str) and 0 < len(value) < LONGEST_PATH]
        return [folder / text for text in texts if (folder / text).is_file()]

    def recorded(self):
        """Digest of the numbers that each scope recorded: dict by scope."""
        scopes = {}
        for name, record in read_results(self.places.run / "results.json").items():
            scopes.setdefault(scope_of(name), {})[name] = record
        return {scope: _digest(records) for scope, records in scopes.items()}

    def earlier_results(self, step):
        """The same of the scopes whose notebooks come before a step's."""
        place = place_of(step.scope)
        return {scope: digest for scope, digest in self.recorded().items() if place_of(scope) < place}


def _digest(value):
    """SHA-256 of a plain value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _source_digest(notebook):
    """SHA-256 of the cells of a notebook, without what came of them."""
    return _digest([vars(cell) for cell in read_cells(notebook)])


def _notebook_modules(notebook):
    """Digest of each of the project's modules that a notebook needs."""
    named = set()
    for number, cell in enumerate(read_cells(notebook), start=1):
        if cell.kind == "code":
            try:
                named |= imported_modules(_as_python(cell.source))
            except (SyntaxError, ValueError) as error:
                raise SeriesError(
                    f"{notebook.stem}: cell {number} can't be read as Python ({error}). Mend the cell, or remove it."
                ) from None
    try:
        return module_digests(named)
    except SyntaxError as error:
        raise SeriesError(f"{error.filename} can't be read as Python ({error}). Mend it.") from None


def _as_python(source):
    r"""A cell's source with what IPython alone understands, such as `%matplotlib inline` or `!ls`, as calls of it.

    Example:
        >>> _as_python("files = !ls"), _as_python("%%time\nimport helpers.rle")
        ("files = get_ipython().getoutput('ls')\n", 'import helpers.rle\n')
    """
    from IPython.core.inputtransformer2 import TransformerManager

    first, _, rest = source.lstrip().partition("\n")
    if first.split()[:1] and first.split()[0] in RUN_PYTHON:
        source = rest
    return TransformerManager().transform_cell(source)


def why_again(step, record, others, now):
    """Why a step has to run again.

    Args:
        step: a `Step`.
        record: the `Record` of its last run, or None.
        others: records of the other steps, of which a later one may have changed what this one wrote.
        now: `Now`.

    Returns:
        List of reasons; empty where it is up to date.
    """
    if record is None:
        return ["it never ran"]
    if not record.finished:
        return [f"it was begun {record.begun} and didn't end"]
    before = record.inputs
    found = input_changes(before, now.inputs(step, before["files"], before["results"] is not None))
    later = [other for other in others if place_of(other.label) > place_of(step.label)]
    return found + output_changes(step, record, later, now)


def input_changes(before, after):
    """What differs between two dicts of `Now.inputs`: a list of texts, the nearest first."""
    found = ["its source changed"] if before["source"] != after["source"] else []
    modules = [name for name, digest in after["modules"].items() if before["modules"].get(name, digest) != digest]
    found += [f"{name} changed" for name in modules]
    for kind in ("parameters", "versions"):
        found += [
            f"{name}: {before[kind].get(name, 'none')!r} -> {after[kind].get(name, 'none')!r}"
            for name in {**before[kind], **after[kind]}
            if before[kind].get(name) != after[kind].get(name) or (name in before[kind]) != (name in after[kind])
        ]
    if before["data"] != after["data"]:
        found.append("the data changed")
    if before["results"] is not None:
        scopes = sorted({**before["results"], **after["results"]})
        found += [
            f"the numbers of {scope} changed"
            for scope in scopes
            if before["results"].get(scope) != after["results"].get(scope)
        ]
    for name in sorted({*before["files"], *after["files"]}):
        was, is_now = before["files"].get(name), after["files"].get(name)
        if bool(was) != bool(is_now) or (was and was[0] != is_now[0]):
            how = "is gone" if not is_now else "changed" if was else "is there now"
            found.append(f"{shown_name(name)} {how}")
    if not found and list(before["modules"]) != list(after["modules"]):
        found.append("the modules that it needs are others")
    return found


def output_changes(step, record, later, now):
    """What of a step's outputs isn't there any more as it left it, or as a later step left it: a list of texts."""
    found = []
    for name, (sha256, *_) in record.outputs.items():
        entry = now.digests.of(now.places.path(name))
        if entry is None:
            found.append(f"{name} is gone")
        elif entry[0] != sha256 and not any(_wrote(other, name, entry[0]) for other in later):
            found.append(f"{name} was changed")
    if now.recorded().get(step.scope, "") != record.recorded:
        found.append("its numbers in results.json were changed")
    return found


def _wrote(record, name, sha256):
    """Whether a file is as another step left it; a step that didn't end may have left anything."""
    if not record.finished:
        return name in record.own
    return name in record.outputs and record.outputs[name][0] == sha256


def shown_name(name):
    """The name of a file for a reader."""
    return name.removeprefix("$PROJECT/").replace("$HELPERS/", "helpers/")


def in_short(reasons):
    """Reasons on one line."""
    rest = len(reasons) - SHOWN
    return "; ".join(reasons[:SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
