"""Showing a figure or table in a notebook, and keeping it as a file for the report."""

import base64
import io
from html import escape

import matplotlib.pyplot as plt
from IPython.display import HTML, display
from PIL import Image

from helpers.files import read_json, write_csv, write_json, written_beside
from helpers.opened import is_there

COLOURS = 128  # of a picture in a page
CAPTION = '<p class="caption">'  # begins a table's output; the page puts the table's number behind it


def show_figure(figure, run, name, caption, alt):
    """Show a figure under its caption, and keep it as PNG, with its caption, in the run's `figures/`.

    Args:
        figure: matplotlib Figure, or Axes on one.
        run: the `Run`.
        name: file name without its ending; begins with the notebook's number.
        caption: a sentence below the figure.
        alt: what can be seen, for those who can't see it.
    """
    figure = getattr(figure, "figure", figure)
    held = io.BytesIO()
    figure.savefig(held, format="png")
    plt.close(figure)
    held = _with_fewer_colours(held)
    with written_beside(run.directory / "figures" / f"{name}.png") as beside:
        beside.write_bytes(held.getvalue())
    write_json(run.directory / "figures" / f"{name}.json", {"caption": caption, "alt": alt})
    _display_png(held.getvalue(), name, caption, alt)


def has_figure(run, name):
    """Whether a figure of this name was made in the run."""
    return is_there(run.directory / "figures" / f"{name}.png")


def has_table(run, name):
    """Whether a table of this name was made in the run."""
    return is_there(run.directory / "tables" / f"{name}.csv")


def show_again(run, name, caption="", alt=""):
    """Show a figure that an earlier notebook made.

    Args:
        run: the `Run`.
        name: as it was given to `show_figure`.
        caption: a sentence below it; empty takes the one that it was made with.
        alt: likewise.

    Raises:
        FileNotFoundError: it was not made in this run; ask `has_figure` before.
    """
    path = run.directory / "figures" / f"{name}.png"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Run the notebook that begins with {name[:2]} first.")
    made_with = read_json(path.with_suffix(".json"))
    _display_png(path.read_bytes(), name, caption or made_with["caption"], alt or made_with["alt"])


def _display_png(png, name, caption, alt):
    """A picture with its name, caption and alternative text, which its page takes from the metadata."""
    picture = base64.b64encode(png).decode()
    display(
        {"image/png": picture, "text/plain": alt},
        metadata={"image/png": {"alt": alt, "caption": caption, "name": name}},
        raw=True,
    )


def _with_fewer_colours(png):
    """The same picture in so many colours as grey photographs and a few inks need: a quarter of the size."""
    smaller = io.BytesIO()
    with Image.open(png) as picture:
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            smaller, "PNG", optimize=True
        )
    return smaller


def show_table(table, run, name, caption, digits=3, index=True, wrap=False):
    """Show a table under its caption, and keep it as CSV in the run's `tables/`, with all its digits.

    Args:
        table: pandas table.
        run: the `Run`.
        name: file name without its ending; begins with the notebook's number.
        caption: a sentence above the table.
        digits: decimal places shown.
        index: whether to show the table's index.
        wrap: whether the cells hold sentences, which are set flush left and broken into lines.
    """
    write_csv(run.directory / "tables" / f"{name}.csv", table, index=index)
    shown = table.astype(object).where(table.notna(), "–") if wrap else table
    body = shown.to_html(
        escape=True,
        border=0,
        index=index,
        classes=["data", "sentences"] if wrap else "data",
        na_rep="–",
        index_names=False,
        float_format=lambda value: f"{value:,.{digits}f}",
    )
    label = escape(caption)
    display(
        HTML(
            f'{CAPTION}{label}</p><div class="table" role="region" tabindex="0" aria-label="{label}">{body}</div>',
            metadata={"name": name},
        )
    )
