"""What the style sheet promises: enough contrast in light and dark."""

import re

import pytest

from helpers.report.pages import style

COLOUR = r"#[0-9a-f]{6}"
PAIRS = [(front, back) for back in ("paper", "shade") for front in ("ink", "quiet", "link")]
PAIRS += [("ink", "notice"), ("link", "notice")]


def luminance(colour):
    """Relative luminance of "#rrggbb", by the definition of WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """Contrast of two colours: from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours():
    """The style sheet's colours by name, each in light and dark."""
    found = re.findall(rf"--(\w+): light-dark\(({COLOUR}), ({COLOUR})\)", style())
    return {name: pair for name, *pair in found}


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)  # the palest grey that passes on white


@pytest.mark.parametrize(("front", "back"), PAIRS)
@pytest.mark.parametrize("dark", [0, 1], ids=["light", "dark"])
def test_text_has_contrast(front, back, dark):
    assert contrast(colours()[front][dark], colours()[back][dark]) >= 4.5


def test_code_has_contrast():
    rules = re.findall(r"\.highlight \.(\w+) \{ color: light-dark\(([^,]+), ([^)]+\)?)\); \}", style())
    assert len(rules) > 40
    for name, *pair in rules:
        for dark, colour in enumerate(pair):
            shown = colours()["ink"][dark] if colour == "var(--ink)" else colour
            assert contrast(shown.lower(), colours()["shade"][dark]) >= 4.5, (name, colour, dark)
