"""What is wrong with a data set, by file and row, and how to mend it."""

from dataclasses import dataclass

import pandas as pd

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        severity: `error` (the image or row can't be used) or `warning`.
        file: the file it is in, relative to the data directory.
        row: the file's record, counted from 1 with the header as 1; None for images.
        image_id: the image that it is about; "" when it is about none.
        problem: what arrived and what was expected.
        mend: what to do.
    """

    severity: str
    file: str
    row: int | None
    image_id: str
    problem: str
    mend: str

    def __str__(self):
        place = self.file if self.row is None else f"{self.file}: row {self.row}"
        return f"{place}: {self.problem}{'' if self.problem.endswith('?') else '.'} {self.mend}"


def problem_table(problems):
    """A table with one row a problem: severity, file, row, image_id, problem, mend."""
    columns = list(Problem.__dataclass_fields__)
    table = pd.DataFrame([vars(problem) for problem in problems], columns=columns)
    return table.astype({"row": "Int64"})


def shorten(value, length=60):
    """A value from a file for a message: quoted, on one line, at most `length` characters.

    Example:
        >>> shorten("1 3 " * 100, 12)
        "'1 3 1 3 1 3 ...'"
    """
    text = str(value)
    return repr(text if len(text) <= length else f"{text[:length]}...")


def one_line(text):
    r"""A text from a file for the terminal: control characters and the like are spelt out.

    Example:
        >>> print(one_line("two\nlines"))
        two\nlines
    """
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in str(text))
