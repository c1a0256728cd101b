"""A notebook's parameters, as its cell states them and as a user sets them."""

import ast
from dataclasses import dataclass
from pathlib import Path

from helpers.files import read_json
from helpers.series.profiles import NOTEBOOKS, OWN

NO_PATHS = ("", "none", "imagenet")  # values of a path that name no file


class SeriesError(Exception):
    """The series can't go on; the message is for the user, whole as it is."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook: its name, its value as Python, and the comment beside it."""

    name: str
    default: object
    note: str

    @property
    def is_path(self):
        """Whether the value is a path: its comment begins with that word."""
        return self.note.startswith("path")

    def names_path(self, value):
        """Whether a value names a file or folder: that of a path does, but for an empty one and `NO_PATHS`."""
        return self.is_path and value not in NO_PATHS


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook, without what came of it.

    Attributes:
        kind: "code" or "markdown".
        source: its text.
        tags: its tags.
    """

    kind: str
    source: str
    tags: tuple


def read_cells(path):
    """The cells of a notebook, read as JSON, which takes no time."""
    return [
        Cell(cell["cell_type"], "".join(cell["source"]), tuple(cell.get("metadata", {}).get("tags", ())))
        for cell in read_json(path)["cells"]
    ]


def read_parameters(path):
    """The parameters of a notebook, by name, from its cell tagged `parameters`.

    Raises:
        SeriesError: there isn't exactly one such cell, it is no Python, or a value in it is no literal.
    """
    cells = [cell for cell in read_cells(path) if "parameters" in cell.tags]
    if len(cells) != 1:
        raise SeriesError(f"{path.name}: {len(cells)} cells are tagged `parameters`; expected one.")
    source = cells[0].source
    lines = source.splitlines()
    found = {}
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise SeriesError(f"{path.name}: the parameters can't be read as Python ({error}). Mend the cell.") from None
    for statement in statements:
        try:
            (target,) = statement.targets
            value = ast.literal_eval(statement.value)
        except (AttributeError, ValueError):
            line = lines[statement.lineno - 1]
            raise SeriesError(f"{path.name}: {line!r} in the parameters is no `NAME = literal`.") from None
        note = lines[statement.end_lineno - 1][statement.end_col_offset :].strip().lstrip("#").strip()
        found[target.id] = Parameter(target.id, value, note)
    return found


def parse_setting(name, text, root):
    """One `-p NOTEBOOK.NAME VALUE` of the command line, checked against the notebook.

    Args:
        name: "NOTEBOOK.NAME".
        text: the value as typed.
        root: the project's folder.

    Returns:
        (notebook, parameter's name, value).

    Raises:
        SeriesError: there is no such notebook or parameter, or the value is of another kind.
    """
    notebook, _, parameter_name = name.partition(".")
    if notebook not in NOTEBOOKS:
        raise SeriesError(f"-p {name}: there is no notebook {notebook!r}. Choose one of: {', '.join(NOTEBOOKS)}.")
    parameters = read_parameters(root / "notebooks" / f"{notebook}.ipynb")
    settable = sorted(set(parameters) - set(OWN))
    if parameter_name not in settable:
        raise SeriesError(f"-p {name}: {notebook} has no parameter {parameter_name!r}. It has: {', '.join(settable)}.")
    parameter = parameters[parameter_name]
    if isinstance(parameter.default, str):
        return notebook, parameter_name, str(Path(text).absolute()) if parameter.names_path(text) else text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if isinstance(parameter.default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(parameter.default):
        kind = type(parameter.default).__name__
        raise SeriesError(f"-p {name}: got {text!r}, expected a value of type {kind} like {parameter.default!r}.")
    return notebook, parameter_name, value
