import pytest

from helpers.report.markdown import Heading, PageMarkdown, only_harmless, plain_text

HOSTILE = "<img src=x onerror=alert(1)>"


def render(source, **options):
    return PageMarkdown({"05_evaluation": "05_evaluation.html"}, {"figure-a": "3"}).render(source, **options).strip()


def test_html_shows_as_text_unless_it_is_meant():
    assert render("x<sup>2</sup>") == "<p>x&lt;sup&gt;2&lt;/sup&gt;</p>"
    assert render("x<sup>2</sup>", with_html=True) == "<p>x<sup>2</sup></p>"


@pytest.mark.parametrize("with_html", [True, False])
@pytest.mark.parametrize(
    "source",
    [
        HOSTILE,  # a line of its own is a block
        f"the file {HOSTILE}.jpg",
        f"# {HOSTILE}",
        f"- {HOSTILE}",
        f"| a |\n|---|\n| {HOSTILE} |",
        f"[{HOSTILE}](#a)",
        f"![{HOSTILE}](data:image/png;base64,AAAA)",
        f"`{HOSTILE}`",
        f"```\n{HOSTILE}\n```",
        f"```python\n{HOSTILE}\n```",
        f"```mermaid\n{HOSTILE}\n```",
        f"$\\text{{{HOSTILE}}}$",
        f"<div>{HOSTILE}</div>",
        "<sup onclick=alert(1)>2</sup>",
        '<a href="javascript:alert(1)">a</a>',
        "<script>alert(1)</script>",
        "<!-- <img src=x> -->",
        "<style>p { display: none }</style>",
    ],
)
def test_harmful_html_is_never_live(source, with_html):
    found = render(source, with_html=with_html)
    for live in ("<img src=x", "<sup ", '<a href="java', "<script", "<!--", "<style"):
        assert live not in found
    assert "&lt;" in found


def test_entities_are_characters():
    """Who escapes a name for Markdown does it with them."""
    assert render("&#60;b&#62; &amp; &lt;i&gt;") == "<p>&lt;b&gt; &amp; &lt;i&gt;</p>"


def test_links_to_notebooks_lead_to_pages_and_harmful_ones_nowhere():
    assert render("[a](05_evaluation.ipynb#Where)") == '<p><a href="05_evaluation.html#Where">a</a></p>'
    assert render("[a](09_none.ipynb) [b](javascript:alert(1)) ![c](https://example.org/c.png)") == (
        "<p>a b ![c](https://example.org/c.png)</p>"
    )
    assert render("[a](https://doi.org/10.2307/1932409)") == '<p><a href="https://doi.org/10.2307/1932409">a</a></p>'


def test_references_get_their_numbers():
    assert render("see [Figure](#figure-a)") == '<p>see <a href="#figure-a">Figure 3</a></p>'


def test_headings_are_collected_with_anchors_of_their_own():
    page = PageMarkdown()
    found = page.render("# T\n\n## A `b` & c\n\n### A <i>") + page.render("## A `b` & c")
    assert page.headings == [
        Heading(1, "T", "T"),
        Heading(2, "A b & c", "A-b-&-c"),
        Heading(3, "A <i>", "A-<i>"),
        Heading(2, "A b & c", "A-b-&-c-2"),
    ]
    assert '<a class="anchor" href="#A-b-%26-c-2" aria-label="Link to: A b &amp; c">#</a>' in found


def test_formula_that_cant_be_read_shows_where_names_may_be_and_stops_where_a_person_wrote():
    assert render("a$\\frac$b") == "<p>a$\\frac$b</p>"
    with pytest.raises(ValueError, match="can't be read"):
        render("a$\\frac$b", with_html=True)


def test_only_harmless_and_plain_text():
    assert only_harmless('<data class="recorded" value="1" title="a &quot;b&quot;">')
    assert only_harmless('<a href="https://doi.org/10">') and only_harmless("</sup>")
    assert not only_harmless('<a href="data:text/html,x">') and not only_harmless("<sup style='x'>")
    assert not only_harmless("<sup") and not only_harmless("<?php ?>")
    assert plain_text("a <b>&lt;</b>\n c") == "a < c"
