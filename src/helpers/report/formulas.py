"""Formulas in LaTeX as MathML, which browsers draw themselves: nothing is loaded, and no script is needed."""

import html
import re
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element

UNKNOWN = re.compile(r"\\[A-Za-z]+")


def formula(latex, *, block=False):
    """A formula as MathML.

    Args:
        latex: the formula without its dollar signs.
        block: whether it stands in a line of its own.

    Returns:
        A `<math>` element as text. What the formula holds as text is escaped: it can't become an element of the page.

    Raises:
        ValueError: it can't be read, or uses a command that isn't known.

    Example:
        >>> formula("x^2")
        '<math display="inline"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>'
    """
    try:
        element = convert_to_element(latex, display="block" if block else "inline")
    except Exception as error:  # the converter's errors have no class in common, and some are IndexError and the like
        raise ValueError(f"the formula {latex!r} can't be read ({type(error).__name__}). Mend its LaTeX.") from None
    # Signs stand in the tree as "&#x02229;": they are resolved here, so that writing the tree escapes all text.
    del element.attrib["xmlns"]
    for part in element.iter():
        part.text = html.unescape(part.text) if part.text else part.text
        if part.tag != "mtext" and UNKNOWN.fullmatch(part.text or ""):
            raise ValueError(f"the formula {latex!r} has the unknown command {part.text}. Write it in others.")
    return ElementTree.tostring(element, encoding="unicode")
