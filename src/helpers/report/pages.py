"""The pages of a report: each notebook as one HTML file that needs nothing from outside."""

import base64
import hashlib
import re
from functools import cache
from html import escape
from pathlib import Path

import jinja2
import nbformat
from markupsafe import Markup
from nbconvert import HTMLExporter
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES
from traitlets.config import Config

from helpers.report.markdown import PageMarkdown, plain_text
from helpers.report.show import CAPTION

TEMPLATES = Path(__file__).parent / "templates"
INTERVAL = re.compile(r"(<td(?: [^>]*)?>[^<>()]*\d) (\([^<>()\s]+ to [^<>()\s]+\))</td>")  # a score with its interval
ARTICLES = ("07_paper", "08_blog")  # notebooks that are read as a whole: their pages have a name of their own
LEFT_OUT = {"remove-cell", "parameters", "injected-parameters"}  # tags of cells that no page shows
LARGEST_PAGE = 5_000_000  # bytes
FOOTER = "Made by steel-defect-report. Every number in it was computed by the run that it describes."
CODE_COLOURS = ("xcode", "lightbulb")  # styles of Pygments in light and dark, with enough contrast in both


def describe_page(path):
    """What the page of an executed notebook is called, and where it stands among the others.

    Args:
        path: the executed notebook, such as `04_segmentation-unet_paper.ipynb`.

    Returns:
        dict of file, title, label (in the navigation), notebook, model ("" for most) and article (True or False).
    """
    notebook, _, model = path.stem.partition("-")
    sources = [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown" and not LEFT_OUT & set(cell.metadata.get("tags", []))
    ]
    headings = (re.search(r"^#\s+(.+)$", source, re.MULTILINE) for source in sources)
    heading = next((found[1] for found in headings if found), path.stem)
    title = plain_text(PageMarkdown().render(heading, with_html=True))
    article = notebook in ARTICLES
    return {
        "file": f"{notebook.partition('_')[2] if article else path.stem}.html",
        "title": f"{title} ({model})" if model else title,
        "label": notebook.partition("_")[2] if article else notebook.replace("_", " "),
        "notebook": notebook,
        "model": model,
        "article": article,
    }


def render_notebook(path, page, pages, report):
    """An executed notebook as one HTML page.

    Args:
        path: the executed notebook.
        page: its entry of `pages`.
        pages: list of dicts of `describe_page`, in their order.
        report: the report's name.

    Returns:
        The page's text: a function of these alone.

    Raises:
        ValueError: a formula in its text can't be read.
    """
    config = Config(
        {
            "HTMLExporter": {
                "template_name": "page",
                "extra_template_basedirs": [str(TEMPLATES)],
                "exclude_input_prompt": True,
                "exclude_output_prompt": True,
            },
            "TagRemovePreprocessor": {
                "enabled": True,
                "remove_input_tags": ["remove-input"],
                "remove_cell_tags": sorted(LEFT_OUT),
            },
        }
    )
    exporter = HTMLExporter(config=config)
    exporter.register_preprocessor(_prepare, enabled=True)
    notebook = nbformat.read(path, as_version=4)
    try:
        text, _ = exporter.from_notebook_node(notebook, resources={"page": page_details(page, pages, report)})
    except ValueError as error:
        raise ValueError(f"{Path(path).name}: {error}") from None
    return _set_intervals_below(text)


def render_template(name, details, **values):
    """A page that is no notebook, from its template."""
    return _set_intervals_below(_environment().get_template(name).render(resources={"page": details}, **values))


def render_fragment(name, **values):
    """A piece of a page, from its template."""
    return _environment().get_template(name).render(**values)


def _set_intervals_below(text):
    """The same page with the interval of a score on a line of its own in a table's cell, which takes half the width.

    Example:
        >>> _set_intervals_below("<td>0.612 (0.550 to 0.660)</td><td>0.5 (a guess)</td>")
        '<td>0.612 <span class="interval">(0.550 to 0.660)</span></td><td>0.5 (a guess)</td>'
    """
    return INTERVAL.sub(r'\1 <span class="interval">\2</span></td>', text)


def page_details(page, pages, report):
    """What the templates need to know of a page.

    Args:
        page: its entry of `pages`; for the front page a dict of file and title.
        pages: list of dicts of `describe_page`.
        report: the report's name.
    """
    order = [{"file": "index.html", "title": f"Front page: {report}"}, *pages]
    place = next((number for number, other in enumerate(order) if other["file"] == page["file"]), 0)
    return {
        **page,
        "article": page.get("article", False),
        "report": report,
        "pages": pages,
        "entries": _entries(pages, page["file"]),
        "before": order[place - 1] if place else None,
        "after": order[place + 1] if pages and place + 1 < len(order) else None,
        "links": {other["notebook"]: other["file"] for other in reversed(pages)},
        "contents": [],
        "has_code": False,
        "style": style(),
        "script": script(),
        "policy": policy(),
        "footer": page.get("footer", FOOTER),
    }


def size_note(name, text):
    """A line that says that a page is too large; "" where it isn't."""
    size = len(text.encode())
    if size < LARGEST_PAGE:
        return ""
    return (
        f"{name} has {size / 1e6:.1f} MB, more than the {LARGEST_PAGE / 1e6:.0f} that open quickly on a phone. "
        "Show fewer or smaller figures in its notebook."
    )


def _entries(pages, file):
    """The navigation's entries: a page, or the pages of one notebook that ran for several models."""
    groups = {}
    for page in pages:
        groups.setdefault(page["notebook"], []).append(page)
    entries = []
    for group in groups.values():
        current = next((page for page in group if page["file"] == file), None)
        model = current or (group[0] if len(group) == 1 else {"model": ""})
        entries.append(
            {
                "label": group[0]["label"] + (f": {model['model']}" if model["model"] else ""),
                "pages": group,
                "current": current is not None,
            }
        )
    return entries


def _prepare(notebook, resources):
    """Number the figures and tables, render all Markdown, and collect the contents, before the template is filled."""
    page = resources["page"]
    markdown = PageMarkdown(page["links"], _number(notebook))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.metadata["rendered"] = markdown.render(
                cell.source, with_html=True, attachments=cell.get("attachments")
            )
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                about = output.metadata.setdefault("text/markdown", {})
                meant = bool(about.get("html"))
                about["rendered"] = markdown.render(output.data["text/markdown"], with_html=meant)
    page["contents"] = [heading for heading in markdown.headings if heading.level in (2, 3)]
    page["has_code"] = any(
        cell.cell_type == "code" and not cell.metadata.get("transient", {}).get("remove_source")
        for cell in notebook.cells
    )
    return notebook, resources


def _number(notebook):
    """Give each figure and table its number and anchor; returns a dict of anchor -> number."""
    numbers = {}
    counts = {"figure": 0, "table": 0}
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        for kind, form in (("figure", "image/png"), ("table", "text/html")):
            about = output.get("metadata", {}).get(form, {})
            if form not in output.get("data", {}) or not {"caption", "name"} & set(about):
                continue
            counts[kind] += 1
            number = f"{kind.capitalize()} {counts[kind]}"
            anchor = f"{kind}-{about.get('name', counts[kind])}"
            about |= {"number": number, "anchor": anchor}
            numbers[anchor] = str(counts[kind])
            if kind == "table":
                output.data[form] = output.data[form].replace(
                    CAPTION, f'<p class="caption" id="{escape(anchor)}"><b>{number}.</b> ', 1
                )
    return numbers


@cache
def _environment():
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES / "page"), autoescape=True, undefined=jinja2.StrictUndefined
    )


@cache
def style():
    """The pages' style sheet, with the colours of the code in light and dark."""
    return Markup(f"{(TEMPLATES / 'page' / 'style.css').read_text(encoding='utf-8')}\n{_code_style()}")


@cache
def script():
    """The pages' script, which is the only one that their policy lets run."""
    return Markup((TEMPLATES / "page" / "page.js").read_text(encoding="utf-8"))


@cache
def policy():
    """The content security policy: nothing from outside, and no script but `script()`."""
    digest = base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _code_style():
    """Rules for the kinds of words in code, each with its colour in light and dark."""
    light, dark = (get_style_by_name(name) for name in CODE_COLOURS)
    rules = []
    for token, name in STANDARD_TYPES.items():
        looks = [shade.style_for_token(token) for shade in (light, dark)]
        colours = [f"#{look['color']}" if look["color"] else "var(--ink)" for look in looks]
        if name and colours != ["var(--ink)"] * 2:
            rules.append(f".highlight .{name} {{ color: light-dark({', '.join(colours)}); }}")
    return "\n".join(rules)
