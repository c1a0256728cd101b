"""The list of literature."""

import re

import pytest

from helpers.report.references import cite, cite_text, read_references, reference_list, wrong_citations


def test_citations_name_one_two_or_several_authors():
    assert cite_text("dice") == "Dice, 1945"
    assert cite_text("leakage") == "Kapoor and Narayanan, 2023"
    assert cite("unet") == "[Ronneberger et al., 2015](#ref-unet)"


def test_unknown_work_is_refused():
    with pytest.raises(KeyError, match="references.csv has no work 'nobody'"):
        cite("nobody")


def test_wrong_citations_are_found():
    assert wrong_citations(f"{cite('unet')} and {cite('dice')}") == []
    assert wrong_citations("[Dice, 1946](#ref-dice)") == ["'Dice, 1946' for the work 'dice'; expected Dice, 1945"]
    assert wrong_citations("[Who, 1946](#ref-who)") == [
        "'Who, 1946' for the work 'who'; expected a work of references.csv"
    ]


def test_every_work_is_whole_and_has_a_doi():
    for key, work in read_references().items():
        assert re.fullmatch(r"[a-z_]+", key)
        assert re.fullmatch(r"10\.\d{4}/[\w.()/-]+", work["doi"]) and re.fullmatch(r"(19|20)\d\d", work["year"])
        assert work["title"] and work["where"] and all(re.fullmatch(r"[^,]+, .*\.", name) for name in work["authors"])


def test_list_is_sorted_and_links_each_work():
    page = reference_list()
    places = [page.index(f'id="ref-{key}"') for key in ("dice", "lenet", "unet", "resunet")]
    assert places == sorted(places) and page.count("<li ") == len(read_references())
    assert 'href="https://doi.org/10.1109/CVPR.2016.90"' in page
