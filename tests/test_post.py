"""A post: its pieces, and the Markdown file that they become."""

import html
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbconvert.filters import markdown2html

from helpers.files import write_json
from helpers.report.post import Post, count_words, picture_markdown, pictures, plain_markdown
from helpers.report.prose import NARROW, Prose

RECORDS = {"01_eda.share": {"value": 0.5, "unit": "fraction", "split": "all", "definition": "share"}}
CELLS = (
    ("markdown", "# Hidden", "remove-cell"),
    ("code", 'HIDDEN = "post.say(\\"no\\", 1)"', "parameters"),
    ("markdown", "# Steel\n", ""),
    ("code", 'text = "x"\npost.say("share", text)', "remove-input"),
    ("code", 'post.say("nothing", "")', "remove-input"),
    ("code", 'post.show(\n    "08_line",\n    figure,\n)', "remove-input"),
    ("code", 'post.write("post.say")', "remove-cell"),
)


@pytest.fixture
def post(tmp_path):
    write_json(tmp_path / "results.json", RECORDS)
    run = SimpleNamespace(directory=tmp_path, settings={})
    return Post(run, Prose(run))


@pytest.fixture
def notebook(tmp_path):
    made = nbformat.v4.new_notebook()
    for kind, source, tag in CELLS:
        cell = getattr(nbformat.v4, f"new_{kind}_cell")(source)
        cell.metadata["tags"] = [tag]
        made.cells.append(cell)
    nbformat.write(made, tmp_path / "08_blog.ipynb")
    return tmp_path / "08_blog.ipynb"


def shown(text):
    """What a Markdown reader makes of one paragraph; raw HTML would come through as it is."""
    return markdown2html(text).strip()


def test_article_has_its_pieces_in_the_order_of_the_cells(post, notebook, tmp_path):
    figure, ax = plt.subplots()
    post.show("08_line", ax, "A line.", "One line.")
    post.say("nothing", " ")
    post.say("share", f"It is {post.prose.value('01_eda.share', '.0%')}. ")
    text = post.write(notebook)
    assert text == f"# Steel\n\nIt is 50{NARROW}%.\n\n![One line.](figures/08_line.png)\n\n*A line.*\n"
    assert (tmp_path / "blog.md").read_text(encoding="utf-8") == text
    assert pictures(text) == ["figures/08_line.png"] and (tmp_path / "figures" / "08_line.png").is_file()
    assert not plt.fignum_exists(figure.number)


def test_piece_that_was_not_made_is_named(post, notebook):
    post.say("share", "It is.")
    with pytest.raises(ValueError, match="the piece 'nothing' is not there, expected all .* cells in order"):
        post.markdown(notebook)


def test_figures_that_are_not_there_are_left_out(post, tmp_path):
    post.show("08_none", None, "Caption.", "Alt.")
    post.show_again("05_gone", "Caption.", "Alt.")
    assert post.pieces == {"08_none": "", "05_gone": ""} and not (tmp_path / "figures").exists()


def test_figure_of_an_earlier_notebook_gets_a_caption_of_its_own(post, tmp_path):
    post.show("05_there", plt.figure(), "Old.", "Old alt.")
    before = (tmp_path / "figures" / "05_there.json").read_bytes()
    post.show_again("05_there", "New.", "New alt.")
    assert post.pieces["05_there"] == "![New alt.](figures/05_there.png)\n\n*New.*"
    assert (tmp_path / "figures" / "05_there.json").read_bytes() == before


@pytest.mark.parametrize("name", ["<img src=x>", "a_b_", "*x*", "`y`", "[z](http://x)", "1 & 2", "q\"'", "\\n", "x|y"])
def test_names_from_the_data_are_shown_as_they_are(post, name):
    """Whatever a class is called, the plain file holds no HTML and no link of its making."""
    text = plain_markdown(f"Class {post.prose.name(name)}.")
    assert "<" not in shown(text)[3:-4]
    assert html.unescape(shown(text)) == f"<p>Class {name}.</p>"


def test_powers_are_raised_digits(post):
    assert plain_markdown(post.prose.published("small U-Net", "final loss", ".1e")) == "−2.6 × 10²³"


def test_other_html_is_refused():
    with pytest.raises(ValueError, match="got '<b>' in 'It is <b>bold</b>', expected plain Markdown"):
        plain_markdown("It is <b>bold</b>")


def test_captions_are_shown_as_they_are():
    text = picture_markdown("08_x", "A *star* [here].", "An alt] text_")
    assert 'src="figures/08_x.png" alt="An alt] text_"' in shown(text)
    assert "<em>A *star* [here].</em>" in shown(text)


def test_words_are_those_that_are_read():
    """Title and sentence: five words; not the picture's, nor the commands."""
    text = (
        f"# Cold steel\n\nIt isn't *0.5*.\n\n{picture_markdown('a', 'Some more.', 'And more')}\n\n```sh\nmake it\n```\n"
    )
    assert count_words(text) == 5
