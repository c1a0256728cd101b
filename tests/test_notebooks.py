"""The notebooks as they are committed."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from helpers.series import OWN, read_parameters

NOTEBOOKS = sorted((Path(__file__).absolute().parents[1] / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_notebook_is_valid_and_has_no_outputs(path):
    nbformat.validate(nbformat.read(path, as_version=4))
    for cell in code_cells(path):
        assert not cell.outputs and cell.execution_count is None


def test_notebook_names_the_kernel_that_the_environment_has(path):
    assert nbformat.read(path, as_version=4).metadata.kernelspec.name == "python3"


def test_notebook_parameters_are_commented_literals(path):
    parameters = read_parameters(path)
    assert list(parameters)[:2] == list(OWN)
    for parameter in parameters.values():
        assert parameter.name.isupper()
        assert parameter.note, f"{parameter.name} has no comment"
    assert all(parameters[name].default == "" and parameters[name].is_path for name in OWN)


def test_notebook_leaves_logic_to_helpers(path):
    for cell in code_cells(path):
        statements = list(ast.walk(ast.parse(cell.source)))
        assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in statements), cell.source
        assert "sys.path" not in cell.source and "pip install" not in cell.source


def test_notebook_has_the_shape_of_an_article(path):
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    head = "\n".join(cell.source for cell in cells[:2] if cell.cell_type == "markdown")
    assert "**In:**" in head and "**Out:**" in head and "**Takes:**" in head
    assert re.search(r"^## Check$", prose, re.MULTILINE) and re.search(r"^## What we learned$", prose, re.MULTILINE)


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem < "07"], ids=lambda path: path.stem)
def test_notebook_types_no_results_into_prose(path):
    """The paper and the blog are held to more, in test_paper.py."""
    prose = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    prose = re.sub(r"\[[^\]]*\]\([^)]*\)|`[^`]*`|\b0\d_\w+|(Figure|Table)s? \d|counted? from \d", "", prose)
    # what is left may name the values 0 and 1 of masks and grey values
    assert not re.findall(r"\d+[.,]\d+|\d{2,}|\d ?%", prose)
