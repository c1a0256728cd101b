"""Sentences whose numbers come from the run's records, and a check that finds those that were typed.

A computed number stands in a `<data>` element, which tells by its title what the number is, and in which records it is
found. Whatever has a digit outside of such an element was typed by a person, and can be wrong without anyone noticing.
"""

import ast
import html
import math
import numbers
import re
from dataclasses import dataclass
from functools import cache, cached_property
from html.parser import HTMLParser

from IPython.display import Markdown, display
from nbconvert.filters import markdown2html

from helpers.data.labels import read_published
from helpers.report.references import LINK, cite_text, read_references, wrong_citations
from helpers.results import read_results

RECORDED, PUBLISHED, SETTING, NAME = "recorded", "published", "setting", "name"
SMALL = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"
)  # fmt: skip
NARROW = "\u202f"  # a narrow space that no line is broken at
UNDEFINED = "–"
MOST_PLACES = 12  # of a share in per cent
# Elements whose digits are not typed prose: computed numbers, tables, and what is not shown as text.
NOT_PROSE = {"data", "table", "style", "script"}
REFERENCES = "references"  # the class of the element that holds the list of literature
# What may be written with a digit in prose, because it is a name or is true by definition.
VOCABULARY = (
    r"ResNet-?(18|34|50)",
    r"1 x 1",  # the name of a layer
    r"95 %(?= (interval|bootstrap))",
    r"F1",
    r"0 (and|or) 1",  # what a pixel of a mask is
    r"from 1(?= down)",  # how run lengths are counted
    r"(Figure|Table|Section)s? \d+",
    r"\b0[1-8]_[a-z_]+",  # notebooks of the series
)
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$]+?\$", re.DOTALL)
NUMBERS_OF_FORMULAS = {"0", "1", "2"}
# A number as it is shown: digits with their thousands parted, a power of ten, a sign of per cent.
SHOWN = r"([+−-]?[\d,]+)(\.\d+)?(?:e([+-]?\d+)| × 10\^(−?\d+))?(\u202f%)?"
ESTIMATE = re.compile(rf"{SHOWN}(?: \({SHOWN} to {SHOWN}\))?")
WORD_WITH_DIGIT = re.compile(r"\S*\d\S*")
MARKING = ("setting", "mark")  # functions whose first argument is a number that is shown


@dataclass(frozen=True)
class Prose:
    """The numbers of a run, as words of a text.

    Attributes:
        run: the `Run`; only files that earlier notebooks wrote there are read.

    Each method gives Markdown with HTML elements in it, for `write`. The names of numbers are those of `results.json`,
    such as `01_eda.training_images`.
    """

    run: object

    @cached_property
    def records(self):
        """What `results.json` holds."""
        return read_results(self.run.directory / "results.json")

    @cached_property
    def settings(self):
        """What `run.json` holds."""
        return self.run.settings

    def has(self, *names):
        """Whether all these numbers were recorded in this run, and are defined."""
        return all(self.records.get(name, {}).get("value") is not None for name in names)

    def number(self, name):
        """The number itself, to choose a sentence by; NaN where it is undefined.

        Raises:
            KeyError: nothing of that name was recorded.
        """
        value = self._record(name)["value"]
        return math.nan if value is None else value

    def sign(self, name):
        """Which side of zero a number's interval lies on: 1 above, -1 below, 0 where it holds zero or there is none."""
        record = self._record(name)
        low, high = record.get("low"), record.get("high")
        if low is None or high is None:
            return 0
        return int(low > 0) - int(high < 0)

    def value(self, name, form=None):
        """A recorded number.

        Args:
            name: of the record.
            form: a format such as ".3f" or ".0%"; None takes three places for fractions and what is no whole number.
        """
        record = self._record(name)
        return mark(record["value"], _describe_record(record), RECORDED, name, form or _usual_form(record))

    def estimate(self, name, form=None):
        """A recorded number with its 95 % interval behind it in brackets, where it has one."""
        record = self._record(name)
        form = form or _usual_form(record)
        ends = [record.get(end) for end in ("low", "high")]
        text, about = format_number(record["value"], form), _describe_record(record)
        if None not in ends:
            text += " ({} to {})".format(*(format_number(end, form) for end in ends))
            about += "; in brackets its 95 % interval"
        return _element(record["value"], about, RECORDED, name, text)

    def words(self, name, capital=False):
        """A recorded count, spelt out where it is a small one, such as "three"."""
        record = self._record(name)
        return _element(record["value"], _describe_record(record), RECORDED, name, spell(record["value"], capital))

    def count(self, name, one, many=None, *, spelt=False):
        """A recorded count with what is counted, such as "1 image" or "24 images".

        Args:
            name: of the record.
            one: word for one of them.
            many: word for several; None puts an "s" behind.
            spelt: whether a small count is spelt out.
        """
        number = self.words(name) if spelt else self.value(name)
        return f"{number} {one if self.number(name) == 1 else many or one + 's'}"

    def published(self, system, measure, form=None, *, source=None):
        """A figure that somebody else published, from `published.csv`.

        Args:
            system: as in the file, such as "claim"; a beginning of it is enough.
            measure: as in the file.
            form: as in `value`; None writes it with the digits that were published.
            source: beginning of the source, where system and measure alone are of several.

        Raises:
            KeyError: there isn't exactly one such figure.
        """
        figure = _published_figure(system, measure, source)
        about = f"{figure.measure}; published by: {figure.source}; {figure.split}"
        shown = format_number(figure.value, form) if form else f"{figure.value:,.10g}"
        return _element(figure.value, about, PUBLISHED, f"{figure.system}/{figure.measure}", shown)

    def published_number(self, system, measure, *, source=None):
        """The number itself, to reckon with or to choose a sentence by."""
        return float(_published_figure(system, measure, source).value)

    def setting(self, value, about, form=None, *, spelt=False):
        """A number that is no result: from `run.json`, a bundle or a table, or reckoned from recorded ones.

        Args:
            value: a number.
            about: what it is, in a few words.
            form: as in `value`.
            spelt: whether a small count is spelt out.
        """
        return _element(value, about, SETTING, "", spell(value) if spelt else format_number(value, form))

    def name(self, text):
        """A name that comes from the data or a file, such as that of a class, shown as it is whatever it holds."""
        return f'<data class="{NAME}" value="{_attribute(text)}">{escape_markdown(text)}</data>'

    def write(self, text):
        """Show a text made of these.

        Args:
            text: Markdown; nothing is shown where it is empty.
        """
        if text.strip():
            display(Markdown(text.strip(), metadata={"html": True}))  # its HTML is meant as such, and escaped

    def _record(self, name):
        if name not in self.records:
            notebook = name.partition(".")[0]
            raise KeyError(f"{name} is not in results.json. Run {notebook} first, or ask has({name!r}) before.")
        return self.records[name]


def mark(value, about, kind, source="", form=None):
    """A number in its `<data>` element.

    Args:
        value: a number; None or NaN is shown as a dash.
        about: what it is, shown when the reader points at it.
        kind: RECORDED, PUBLISHED or SETTING.
        source: the name it is found by.
        form: format, as in `format_number`.

    Example:
        >>> mark(0.61234, "share; fraction", SETTING, form=".0%").replace(NARROW, " ")
        '<data class="setting" value="0.61234" title="share; fraction">61 %</data>'
    """
    return _element(value, about, kind, source, format_number(value, form))


def format_number(value, form=None):
    """A number as it stands in a sentence.

    Args:
        value: int or float; None or NaN gives a dash.
        form: a format of Python; None writes whole numbers with their thousands parted, others with three places. A
            share that is neither none nor all gets as many more places as keep it from showing as 0 % or 100 %; what
            shows as zero has no sign.

    Example:
        >>> format_number(12568), format_number(0.25), format_number(-0.25, "+.1f"), format_number(-2.6e23, ".1e")
        ('12,568', '0.250', '−0.2', '−2.6 × 10<sup>23</sup>')
        >>> format_number(-0.0003, "+.3f"), format_number(0.9996, ".0%").replace(NARROW, " ")
        ('0.000', '99.96 %')
    """
    if value is None or math.isnan(value):
        return UNDEFINED
    if form is None:
        form = ",.0f" if float(value).is_integer() and abs(value) < 1e15 else ",.3f"
    text = format(value, form)
    if form.endswith("%"):
        text = _share_text(value, form)
    if not float(text.strip("%").replace(",", "")):
        text = text.lstrip("+-")
    mantissa, exponent, power = text.partition("e")
    if exponent:
        text = f"{mantissa} × 10<sup>{int(power)}</sup>"
    return text.replace("-", "−").replace("%", f"{NARROW}%")


def _share_text(value, form):
    """A share in per cent, with more places than its form has while it would show as none or all, and is not."""
    sign, places = re.fullmatch(r"(.*)\.(\d+)%", form).groups()
    text = format(value, form)
    for more in range(int(places) + 1, MOST_PLACES + 1):
        if value in (0, 1) or float(text[:-1]) not in (0, 100):
            break
        text = format(value, f"{sign}.{more}%")
    return text


def spell(value, capital=False):
    """A count, in a word where it is small.

    Example:
        >>> spell(3), spell(40), spell(0, capital=True)
        ('three', '40', 'No')
    """
    small = value is not None and value == value and float(value).is_integer() and 0 <= value < len(SMALL)
    text = SMALL[int(value)] if small else format_number(value)
    return text.capitalize() if capital else text


def list_words(words, last="and"):
    """Words as a list in a sentence.

    Example:
        >>> list_words(["a"]), list_words(["a", "b", "c"])
        ('a', 'a, b and c')
    """
    *before, final = words
    return f"{', '.join(before)} {last} {final}" if before else final


def escape_markdown(text):
    """Text that Markdown and HTML show as it is.

    Example:
        >>> escape_markdown("a_b <i> $x$")
        'a&#95;b &#60;i&#62; &#36;x&#36;'
    """
    flat = " ".join(str(text).split())
    return "".join(f"&#{ord(sign)};" if sign in "\\`*_{}[]<>()#+!|~$&\"'=^" else sign for sign in flat)


def _attribute(text):
    """Text as the value of an HTML attribute inside Markdown."""
    return html.escape(" ".join(str(text).split())).replace("$", "&#36;").replace("|", "&#124;").replace("`", "&#96;")


def _element(value, about, kind, source, text):
    """The `<data>` element around a text that is made from `value`."""
    number = "" if value is None else repr(int(value) if isinstance(value, numbers.Integral) else float(value))
    found = f' data-source="{_attribute(source)}"' if source else ""
    return f'<data class="{kind}" value="{number}"{found} title="{_attribute(about)}">{text}</data>'


def _usual_form(record):
    """The format of a record's number: a fraction has its places even where it is 0 or 1."""
    return ",.3f" if record["unit"].startswith("fraction") else None


def _describe_record(record):
    """A record in a few words: what it is, in which unit, of which part of the data."""
    parts = [record["definition"], record["unit"], *([record["split"]] if record["split"] != "none" else [])]
    return "; ".join(parts)


def _published_figure(system, measure, source):
    """The one row of `published.csv` that is meant."""
    table = _published()
    chosen = table["system"].str.startswith(system) & (table["measure"] == measure)
    if source is not None:
        chosen &= table["source"].str.startswith(source)
    if chosen.sum() != 1:
        raise KeyError(
            f"published.csv has {chosen.sum()} rows of system {system!r} and measure {measure!r}, expected one. "
            "Give both as they stand there, and the source where there are several."
        )
    return next(table[chosen].itertuples(index=False))


@cache
def _published():
    return read_published()


def typed_numbers(page):
    """Words with a digit that a person typed into a text.

    Args:
        page: HTML.

    Returns:
        List of the words, each with what stands around it. Computed numbers, names from the data, references, tables,
        and the names in `VOCABULARY` don't count; formulas may hold the numbers 0, 1 and 2.
    """
    reader = _ProseReader()
    reader.feed(page)
    reader.close()
    text = "".join(reader.text)
    found = []
    for formula in FORMULA.findall(text):
        held = set(re.findall(r"\d+(?:\.\d+)?", formula))
        if held - NUMBERS_OF_FORMULAS or (held and not re.search(r"[A-Za-z]", formula)):
            found.append(formula)
    text = FORMULA.sub(" ", text)
    for name in VOCABULARY:
        text = re.sub(name, " ", text)
    for word in WORD_WITH_DIGIT.finditer(text):
        around = text[max(0, word.start() - 40) : word.end() + 20]
        found.append(f"{word[0]} in: {' '.join(around.split())}")
    return found


def wrong_marks(page, records):
    """Marked numbers that aren't those of the records they name or aren't shown as such, and citations of no work.

    Args:
        page: HTML.
        records: dict of `read_results`.

    Returns:
        List of texts that say what is wrong; empty when all agree.
    """
    reader = _ProseReader()
    reader.feed(page)
    reader.close()
    wrong = [
        f"the citation {text!r} of {key!r} is none of references.csv"
        for key, text in reader.citations
        if key not in read_references() or text != cite_text(key)
    ]
    for mark_, text in reader.marks:
        kind, source, value = (mark_.get(key) or "" for key in ("class", "data-source", "value"))
        if kind == RECORDED:
            record = records.get(source, {"value": "nothing"})["value"]
            expected = "" if record is None else str(record)
        elif kind == PUBLISHED:
            system, _, measure = source.rpartition("/")
            rows = _published()[(_published()["system"] == system) & (_published()["measure"] == measure)]
            expected = value if value in {repr(float(number)) for number in rows["value"]} else "another"
        elif kind == SETTING:
            expected = value
        elif kind == NAME:
            continue
        else:
            wrong.append(f"a number of the kind {kind!r}; expected {RECORDED}, {PUBLISHED}, {SETTING} or {NAME}")
            continue
        if value != expected:
            wrong.append(f"{source}: {value} in the text, {expected} in the records")
        elif not _shows(text, value, records.get(source, {}) if kind == RECORDED else {}):
            wrong.append(f"{source or mark_.get('title')}: {value} is shown as {text!r}")
    return wrong


def _shows(text, value, record):
    """Whether a text shows a number, and in brackets the ends of its record's interval, within the places it has."""
    if not value:
        return text == UNDEFINED
    if text.lower() in SMALL:
        return SMALL.index(text.lower()) == float(value)
    found = ESTIMATE.fullmatch(text)
    if not found:
        return False
    parts = found.groups()
    shown = [parts[start : start + 5] for start in range(0, len(parts), 5)]
    held = [float(value), record.get("low"), record.get("high")]
    return all(part[0] is None or _is_near(part, number) for part, number in zip(shown, held, strict=True))


def _is_near(part, number):
    """Whether the parts of a shown number of `SHOWN` are those of this number, rounded."""
    whole, places, exponent, power, share = part
    whole, places = whole.replace("−", "-").replace(",", ""), places or ""
    size = 10.0 ** int((exponent or power or "0").replace("−", "-")) / (100 if share else 1)
    half = 0.5 * size * 10.0 ** -len(places[1:])
    return number is not None and abs(float(whole + places) * size - number) <= half * (1 + 1e-6)


def notebook_pages(notebook):
    """The texts of an executed notebook as HTML: prose, what its cells wrote, captions and alternative texts.

    Cells that the report leaves out (`remove-cell`, parameters), the cells' code, and what libraries say on standard
    error are left out here, too.
    """
    left_out = {"remove-cell", "parameters", "injected-parameters"}
    for cell in notebook.cells:
        if left_out & set(cell.metadata.get("tags", [])):
            continue
        if cell.cell_type == "markdown":
            yield markdown2html(cell.source)
        for output in cell.get("outputs", []):
            data, about = output.get("data", {}), output.get("metadata", {})
            if "text/markdown" in data:
                yield markdown2html(data["text/markdown"])
            elif "text/html" in data:
                yield data["text/html"]
            elif "image/png" in data:
                picture = about.get("image/png", {})
                yield html.escape(f"{picture.get('caption', '')} {picture.get('alt', '')}")
            elif output.get("name") == "stdout":
                yield html.escape(output["text"])


def check_executed(notebook, records):
    """What is wrong with the numbers in an executed notebook's text: typed ones, and ones that no record has.

    Args:
        notebook: of `nbformat`, executed.
        records: dict of `read_results` of the same run.

    Returns:
        List of texts; empty when all is well.
    """
    return [wrong for page in notebook_pages(notebook) for wrong in (*typed_numbers(page), *wrong_marks(page, records))]


def check_source(source):
    """What is wrong with the sentences in Python code: typed numbers, and marks that a person wrote or gave a number.

    Args:
        source: Python code. Literals without a space are names and formats, those of `published.csv` name measures,
            and docstrings are for those who read the code; none of them counts.

    Returns:
        List of texts; empty when all is well.
    """
    tree = ast.parse(source)
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    literals = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]
    names = set(_published()["measure"])
    sentences = [text for text in literals if " " in text.strip() and text not in names]
    given = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) in MARKING]
    return [wrong for text in sentences for wrong in check_typed(text)] + [
        f"{ast.unparse(node.args[0])} is typed: {ast.unparse(node)[:60]}"
        for node in given
        if node.args and not _names(node.args[0])
    ]


def _called(call):
    """The name of the function or method that is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _names(expression):
    """What an expression rests on: its names, but those of the functions that it calls."""
    nodes = list(ast.walk(expression))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return [node for node in nodes if isinstance(node, ast.Name) and id(node) not in functions]


def check_typed(text):
    """What is wrong with a text that a person typed, such as a Markdown cell: numbers, or marks of computed ones.

    Example:
        >>> check_typed("It took 20 minutes.")
        ['20 in: It took 20 minutes.']
        >>> check_typed("A U-Net on ResNet34 in 04_segmentation, $1 - d$.")
        []
    """
    marks = [f"{element} is typed: {text[:60]}" for element in re.findall(r"<data\b", text)]
    return marks + wrong_citations(text) + typed_numbers(markdown2html(text))


class _ProseReader(HTMLParser):
    """Gathers the text of a page that a person may have typed, and the marks of the rest."""

    def __init__(self):
        super().__init__()
        self.text, self.marks, self.citations, self.inside, self.depth = [], [], [], "", 0

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "data" and self.inside in ("", "data"):
            self.marks.append((attributes, ""))
        link = attributes.get("href") or ""
        if self.inside:
            self.depth += tag == self.inside
            if self.inside == "data" and tag == "sup":
                self._add_shown("^")
        elif tag == "a" and link.startswith(LINK):
            self.inside, self.depth = tag, 1
            self.citations.append((link.removeprefix(LINK), ""))
        elif tag in NOT_PROSE or REFERENCES in (attributes.get("class") or "").split():
            self.inside, self.depth = tag, 1
            self.text.append(" ")
        elif tag == "img":
            self.text.append(f" {attributes.get('alt', '')} ")
        elif tag not in ("a", "b", "i", "em", "strong", "code", "sub", "sup", "span"):
            self.text.append("\n")

    def handle_endtag(self, tag):
        if self.inside and tag == self.inside:
            self.depth -= 1
            if not self.depth:
                self.inside = ""

    def handle_data(self, data):
        if not self.inside:
            self.text.append(data)
        elif self.inside == "data":
            self._add_shown(data)
        elif self.inside == "a":
            key, text = self.citations[-1]
            self.citations[-1] = key, text + data

    def _add_shown(self, text):
        attributes, before = self.marks[-1]
        self.marks[-1] = attributes, before + text
