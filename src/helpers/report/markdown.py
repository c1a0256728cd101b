"""Markdown of notebooks as HTML: text of the data stays text, formulas are drawn, headings are collected."""

import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import quote

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from helpers.report.formulas import formula

# The elements and attributes that count where HTML is meant; whatever else is written shows as text.
ELEMENTS = {
    "a", "abbr", "br", "cite", "data", "dd", "div", "dl", "dt", "em", "li", "ol", "p", "section", "small", "span",
    "strong", "sub", "sup", "ul",
}  # fmt: skip
ATTRIBUTES = {"class", "data-source", "href", "id", "title", "value"}
HARMLESS = re.compile(r"https?://|#|[\w-]+\.(html|ipynb|md|pdf|csv|xlsx|json)(#.*)?$")
PICTURE = re.compile(r"data:image/(png|jpeg);base64,")


@dataclass(frozen=True)
class Heading:
    """A heading of a page: its level, its text, and the id that a link finds it by."""

    level: int
    title: str
    anchor: str


class PageMarkdown:
    """Renders the Markdown of one page, piece by piece, and collects its headings.

    Args:
        pages: dict of notebook -> file of its page, for links from one notebook to another.
        numbers: dict of anchor -> number of a figure or table of this page, for references to it.
    """

    def __init__(self, pages=None, numbers=None):
        self.pages, self.numbers = pages or {}, numbers or {}
        self.headings = []

    def render(self, source, *, with_html=False, attachments=None):
        """HTML of one piece of Markdown.

        Args:
            source: the Markdown.
            with_html: whether HTML in it is meant as such (`ELEMENTS`, no others); else it shows as text.
            attachments: pictures of the cell.

        Raises:
            ValueError: HTML is meant, that is a person wrote the text, and a formula in it can't be read. In a text
                that may hold names from the data such a formula shows as it is.
        """
        return MarkdownWithMath(renderer=_Renderer(self, with_html, attachments)).render(source)


class _Renderer(IPythonRenderer):
    """What differs from nbconvert's own rendering."""

    def __init__(self, page, with_html, attachments):
        super().__init__(escape=True, allow_harmful_protocols=False, attachments=attachments)
        self.page, self.with_html = page, with_html

    def text(self, text):
        return html.escape(html.unescape(text), quote=False)

    def heading(self, text, level, **_):
        title = plain_text(text)
        taken = {heading.anchor for heading in self.page.headings}
        base = anchor = re.sub(r"\s+", "-", title) or "section"
        for number in range(2, len(taken) + 3):
            if anchor not in taken:
                break
            anchor = f"{base}-{number}"
        self.page.headings.append(Heading(level, title, anchor))
        link = f'<a class="anchor" href="#{quote(anchor)}" aria-label="Link to: {html.escape(title)}">#</a>'
        return f'<h{level} id="{html.escape(anchor)}">{text}{link if level > 1 else ""}</h{level}>\n'

    def link(self, text, url, title=None):
        notebook, ending, anchor = url.partition(".ipynb")
        if ending:
            file = self.page.pages.get(notebook)
            return text if file is None else super().link(text, file + anchor, title)
        if self.sanitize_url(url) != url:
            return text
        number = self.page.numbers.get(url.removeprefix("#"))
        return super().link(text if number is None else f"{text} {number}", url, title)

    def image(self, text, url, title=None):
        source, alt = self._embed_image_or_attachment(url), plain_text(text)
        if PICTURE.match(source):
            return f'<img src="{html.escape(source)}" alt="{html.escape(alt)}">'
        return html.escape(f"![{alt}]({url})")

    def block_mermaidjs(self, code):
        return f"<pre><code>{html.escape(code)}</code></pre>\n"

    def inline_html(self, html_text):
        return html_text if self.with_html and only_harmless(html_text) else html.escape(html_text)

    def block_html(self, html_text):
        if self.with_html and only_harmless(html_text):
            return html_text + "\n"
        return f"<p>{html.escape(html_text.strip())}</p>\n"

    def block_math(self, body):
        return f'<span class="formula" tabindex="0">{self._formula(body, "$$")}</span>'

    def inline_math(self, body):
        return self._formula(body, "$")

    def latex_environment(self, name, body):
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

    def _formula(self, body, sign):
        try:
            return formula(body.strip(), block=sign == "$$")
        except ValueError:
            if self.with_html:
                raise
            return html.escape(f"{sign}{body}{sign}")


class _Reader(HTMLParser):
    """Reads a fragment of HTML: whether all of it is harmless, and its text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.harmless, self.text = True, []

    def handle_starttag(self, tag, attrs):
        self.harmless &= tag in ELEMENTS and all(
            name in ATTRIBUTES and (name != "href" or HARMLESS.match(value or "")) for name, value in attrs
        )

    def handle_endtag(self, tag):
        self.harmless &= tag in ELEMENTS

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, _):
        self.harmless = False

    handle_decl = handle_pi = unknown_decl = handle_comment


def only_harmless(fragment):
    """Whether a fragment of HTML, perhaps one tag alone, has no elements and attributes but the harmless ones.

    Example:
        >>> only_harmless('<sup class="note">'), only_harmless("<img src=x onerror=alert(1)>")
        (True, False)
    """
    reader = _Reader()
    reader.feed(fragment)
    unread = reader.rawdata  # a tag that doesn't end
    reader.close()
    return reader.harmless and not unread


def plain_text(fragment):
    """The text of a fragment of HTML.

    Example:
        >>> plain_text("<code>a</code> &lt; b")
        'a < b'
    """
    reader = _Reader()
    reader.feed(fragment)
    reader.close()
    return " ".join("".join(reader.text).split())
