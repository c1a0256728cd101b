"""Marks: images that somebody wants to have looked at again, with a note; kept in SQLite, to be handed on as CSV."""

import csv
import io
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from filelock import FileLock

from helpers.files import written_beside
from helpers.runs import now

LONGEST_NOTE = 2_000
COLUMNS = ("part", "image_id", "note", "marked_at")
CREATE = (
    "CREATE TABLE IF NOT EXISTS marks (part TEXT NOT NULL, image_id TEXT NOT NULL, note TEXT NOT NULL, "
    "marked_at TEXT NOT NULL, PRIMARY KEY (part, image_id))"
)
# What spreadsheets take for the beginning of a formula (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Marks:
    """The marks of one data set; may be used by several threads and programs at once.

    Attributes:
        path: the SQLite file; made when something is marked first.
    """

    path: Path

    def put(self, part, image_id, note=""):
        """Mark an image, or change its note.

        Args:
            part: "train" or "test".
            image_id: the image.
            note: what to look at.

        Raises:
            ValueError: the note is too long.
        """
        if len(note) > LONGEST_NOTE:
            raise ValueError(f"the note has {len(note):,} characters; expected {LONGEST_NOTE:,} at most. Shorten it.")
        with closing(self._open()) as database, database:
            database.execute(
                "INSERT INTO marks VALUES (?, ?, ?, ?) ON CONFLICT (part, image_id) "
                "DO UPDATE SET note = excluded.note, marked_at = excluded.marked_at",
                (part, image_id, note, now()),
            )

    def remove(self, part, image_id):
        """Take a mark back; nothing happens where there is none."""
        with closing(self._open()) as database, database:
            database.execute("DELETE FROM marks WHERE part = ? AND image_id = ?", (part, image_id))

    def note(self, part, image_id):
        """The note of an image; None where it is not marked."""
        found = self._ask("WHERE part = ? AND image_id = ?", (part, image_id))
        return found[0][2] if found else None

    def table(self):
        """All marks: table with part, image_id, note and marked_at, the last one first."""
        return pd.DataFrame(self._ask("ORDER BY marked_at DESC, part, image_id"), columns=COLUMNS, dtype="str")

    def export(self):
        """All marks as the text of a CSV file, in which no cell is taken for a formula."""
        return csv_text(COLUMNS, self.table().itertuples(index=False))

    def _ask(self, condition, values=()):
        if not self.path.is_file():
            return []
        with closing(self._open()) as database:
            return database.execute(f"SELECT {', '.join(COLUMNS)} FROM marks {condition}", values).fetchall()

    def _open(self):
        """A connection of its own, since those of SQLite belong to a thread."""
        if not self.path.is_file():
            self._make()
        return sqlite3.connect(self.path, timeout=10)

    def _make(self):
        """Make the file, beside and by one alone: SQLite waits for nobody when it begins to write ahead."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock"):
            if self.path.is_file():
                return
            with written_beside(self.path) as beside, closing(sqlite3.connect(beside)) as database, database:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute(CREATE)


def csv_text(columns, rows):
    """Rows as the text of a CSV file, in which no cell is taken for a formula by a spreadsheet.

    Args:
        columns: names.
        rows: iterable of rows of values.
    """
    file = io.StringIO()
    writer = csv.writer(file)  # ends lines with both marks, so that a cell with either is quoted
    writer.writerow(columns)
    writer.writerows([harmless(value) for value in row] for row in rows)
    return file.getvalue()


def harmless(value):
    """A cell's text, with an apostrophe before what a spreadsheet would take for a formula.

    Example:
        >>> harmless("=1+1"), harmless("0001.jpg"), harmless(7)
        ("'=1+1", '0001.jpg', '7')
    """
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
