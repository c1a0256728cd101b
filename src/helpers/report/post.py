"""A post: an article that a notebook shows piece by piece, written as one plain Markdown file at the end."""

import html
import re
from dataclasses import dataclass, field

import nbformat

from helpers.files import write_text
from helpers.report.prose import Prose
from helpers.report.show import has_figure, show_again, show_figure

FILE = "blog.md"
HIDDEN = {"remove-cell", "parameters", "injected-parameters"}
# A code cell of the article has one piece; its place in the article is that of the cell that names it.
PIECE = re.compile(r"\bpost\.(?:say|show|show_again)\(\s*\"([\w-]+)\"")
DATA = re.compile(r"<data\b[^>]*>(.*?)</data>", re.DOTALL)
PICTURE = re.compile(r"^!\[.*\]\((.+)\)$", re.MULTILINE)
SUPERSCRIPTS = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True)
class Post:
    """The pieces of an article, each shown when it is made, and kept under a name.

    Attributes:
        run: the `Run`.
        prose: the numbers of the run, for its sentences.
        pieces: dict of name -> plain Markdown; empty where a piece was left out.
    """

    run: object
    prose: Prose
    pieces: dict = field(default_factory=dict)

    def say(self, name, text):
        """Show a text; nothing where it is empty.

        Args:
            name: of the piece.
            text: Markdown, with the marks of `Prose`.
        """
        self.pieces[name] = plain_markdown(text.strip())
        self.prose.write(text)

    def show(self, name, figure, caption, alt):
        """Show a figure and keep it as `show_figure` does; nothing where it is None."""
        self.pieces[name] = ""
        if figure is not None:
            self.pieces[name] = picture_markdown(name, caption, alt)
            show_figure(figure, self.run, name, caption, alt)

    def show_again(self, name, caption, alt):
        """Show a figure that an earlier notebook made under another caption; nothing where it was not made."""
        self.pieces[name] = ""
        if has_figure(self.run, name):
            self.pieces[name] = picture_markdown(name, caption, alt)
            show_again(self.run, name, caption, alt)

    def markdown(self, notebook):
        """The whole article as plain Markdown.

        Args:
            notebook: path of the notebook that shows it; its Markdown cells are texts of the article, unless they are
                tagged as left out of the page.

        Raises:
            ValueError: a cell of the article was not run.
        """
        parts = []
        for cell in nbformat.read(notebook, as_version=4).cells:
            if HIDDEN & set(cell.metadata.get("tags", [])):
                continue
            if cell.cell_type == "markdown":
                parts.append(cell.source.strip())
                continue
            for name in PIECE.findall(cell.source):
                if name not in self.pieces:
                    raise ValueError(
                        f"{FILE}: the piece {name!r} is not there, expected all of the article. "
                        "Run the notebook's cells in order, from the first."
                    )
                parts.append(self.pieces[name])
        return "\n\n".join(filter(None, parts)) + "\n"

    def write(self, notebook):
        """Write the article to `blog.md` in the run's directory.

        Args:
            notebook: path of the notebook that shows it.

        Returns:
            Its text.
        """
        text = self.markdown(notebook)
        write_text(self.run.directory / FILE, text)
        return text


def plain_markdown(text):
    r"""Markdown without any HTML: computed numbers and names without their marks, powers as raised digits.

    Raises:
        ValueError: another HTML element is left.

    Example:
        >>> plain_markdown('It is <data class="setting" value="1" title="x">3 × 10<sup>−2</sup></data>, a&#95;b.')
        'It is 3 × 10⁻², a\\_b.'
    """
    text = DATA.sub(lambda found: found[1], text)
    text = re.sub(r"<sup>([\d−]+)</sup>", lambda found: found[1].translate(SUPERSCRIPTS), text)
    left = re.search(r"</?[a-zA-Z][^>]*>", text)
    if left:
        raise ValueError(f"{FILE}: got {left[0]!r} in {text[:60]!r}, expected plain Markdown. Write it without HTML.")
    return re.sub(r"&(?:#\d+|#x[0-9a-fA-F]+|\w+);", lambda found: _escaped(html.unescape(found[0])), text)


def picture_markdown(name, caption, alt):
    """A figure of the run's `figures/` as Markdown, with its caption below."""
    return f"![{_escaped(alt)}](figures/{name}.png)\n\n*{_escaped(caption)}*"


def pictures(text):
    """The files of the pictures in a Markdown text, in their order."""
    return PICTURE.findall(text)


def count_words(text):
    r"""Words of a post for its readers: without pictures, their captions, and what is typed into a terminal.

    Example:
        >>> count_words("# Steel\n\nIt is **cold**.\n\n![a b](c.png)\n\n*A b.*\n\n```sh\nmake it\n```\n")
        4
    """
    text = re.sub(r"^```.*?^```$", " ", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^!\[.*\]\(.+\)\n\n\*.*\*$", " ", text, flags=re.MULTILINE)
    return len(re.findall(r"\w[\w’'.,-]*", text))


def _escaped(text):
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&^])", r"\\\1", " ".join(text.split()))
