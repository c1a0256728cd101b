"""The literature that the written results cite: facts about each work in `references.csv`, cited by its key."""

import csv
import re
from functools import cache
from html import escape
from pathlib import Path

LINK = "#ref-"  # what the address of a citation begins with
CITATION = re.compile(r"\[([^\]]*)\]\(#ref-([\w-]+)\)")


@cache
def read_references():
    """All works, as dict of key -> {authors (list), year, title, where, doi}.

    Raises:
        ValueError: a key stands there twice.
    """
    path = Path(__file__).with_name("references.csv")
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    works = {row["key"]: row | {"authors": row["authors"].split("; ")} for row in rows}
    if len(works) != len(rows):
        raise ValueError(f"{path}: {len(rows) - len(works)} keys stand there twice; expected one row for each work.")
    return works


def cite_text(key):
    """A work as it is cited in a sentence, such as "Pan and Yang, 2010".

    Raises:
        KeyError: there is no such work.
    """
    works = read_references()
    if key not in works:
        raise KeyError(f"references.csv has no work {key!r}. It has: {', '.join(works)}.")
    names = [author.split(",")[0] for author in works[key]["authors"]]
    who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    return f"{who}, {works[key]['year']}"


def cite(key):
    """A citation as Markdown, with a link into the list of references.

    Example:
        >>> cite("transfer")
        '[Pan and Yang, 2010](#ref-transfer)'
    """
    return f"[{cite_text(key)}]({LINK}{key})"


def wrong_citations(text):
    """Citations in a Markdown text that don't read as `cite` writes them.

    Args:
        text: Markdown, or code with Markdown in it.

    Returns:
        List of texts; empty when all agree.
    """
    works = read_references()
    return [
        f"{shown!r} for the work {key!r}; expected {cite_text(key) if key in works else 'a work of references.csv'}"
        for shown, key in CITATION.findall(text)
        if key not in works or shown != cite_text(key)
    ]


def reference_list():
    """All works, in the order of their authors' names, as HTML."""
    works = sorted(read_references().items(), key=lambda item: (item[1]["authors"][0], item[1]["year"]))
    items = "\n".join(f'<li id="{LINK[1:]}{key}">{_describe(work)}</li>' for key, work in works)
    return f'<ol class="references">\n{items}\n</ol>'


def _describe(work):
    """One work as a line of the list."""
    authors = "; ".join(work["authors"])
    address = escape(f"https://doi.org/{work['doi']}")
    return (
        f"{escape(authors)} ({escape(work['year'])}). {escape(work['title'])}. <em>{escape(work['where'])}</em>. "
        f'<a href="{address}">doi:{escape(work["doi"])}</a>'
    )
