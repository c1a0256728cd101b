import pytest

from executed import HOSTILE, Shown, figure, table
from helpers.report.show import CAPTION, has_figure, has_table, show_again


def test_show_figure_keeps_it_and_tells_its_page_what_it_is(tmp_path, monkeypatch):
    (output,) = Shown(tmp_path).outputs(monkeypatch, [figure("01_ramp", "caption", "alt")])
    assert output.metadata == {"image/png": {"alt": "alt", "caption": "caption", "name": "01_ramp"}}
    assert (tmp_path / "figures" / "01_ramp.png").read_bytes().startswith(b"\x89PNG")


def test_show_again_shows_the_same_picture_perhaps_with_other_words(tmp_path, monkeypatch):
    run = Shown(tmp_path)
    calls = [figure("01_ramp"), lambda run: show_again(run, "01_ramp"), lambda run: show_again(run, "01_ramp", "new")]
    first, again, other = run.outputs(monkeypatch, calls)
    assert first == again and other.data == first.data
    assert other.metadata["image/png"] == first.metadata["image/png"] | {"caption": "new"}
    assert has_figure(run, "01_ramp") and not has_figure(run, "02_none")
    with pytest.raises(FileNotFoundError, match="Run the notebook that begins with 02 first"):
        show_again(run, "02_none")


def test_show_table_escapes_cells_heads_and_caption_and_names_itself(tmp_path, monkeypatch):
    run = Shown(tmp_path)
    (output,) = run.outputs(monkeypatch, [table("01_names", {HOSTILE: {HOSTILE: HOSTILE}}, HOSTILE)])
    found = output.data["text/html"]
    assert found.startswith(CAPTION) and "<img" not in found and found.count("&lt;img") == 5
    assert output.metadata == {"text/html": {"name": "01_names"}}
    assert has_table(run, "01_names") and not has_table(run, "02_none")
    assert HOSTILE in (tmp_path / "tables" / "01_names.csv").read_text()
