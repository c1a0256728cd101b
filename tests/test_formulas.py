import pytest

from helpers.report.formulas import formula


def test_formula_is_mathml_in_a_line_or_in_one_of_its_own():
    found = formula(r"\frac{2|X \cap Y|}{|X| + |Y|}", block=True)
    assert found.startswith('<math display="block">') and "<mfrac>" in found and "∩" in found
    assert formula("a < b & c").count("&lt;") == 1


@pytest.mark.parametrize(
    "latex", [r"\text{<img src=x onerror=alert(1)>}", r"\text{&lt;img src=x&gt;}", r"a<img src=x>"]
)
def test_formula_escapes_its_text(latex):
    found = formula(latex)
    assert "<img" not in found and "&lt;" in found


@pytest.mark.parametrize("latex", [r"\frac", "a_{", r"\left( x", "", "x^2^3"])
def test_formula_that_cant_be_read_is_named(latex):
    with pytest.raises(ValueError, match=r"the formula .* can't be read \(\w+\)\. Mend its LaTeX"):
        formula(latex)


def test_formula_with_an_unknown_command_names_it():
    with pytest.raises(ValueError, match=r"unknown command \\nosuch"):
        formula(r"x + \nosuch{a}")
