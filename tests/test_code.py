"""Which of the project's modules a source needs, and whether they changed."""

import pytest

from helpers import code
from helpers.code import code_digest, functions_digest, imported_modules, module_digests, module_path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that writes the package `helpers` anew: file name -> source."""
    folder = tmp_path / "helpers"
    monkeypatch.setattr(code, "FOLDER", folder)

    def write(**sources):
        code._look.cache_clear()
        for name, source in {"__init__": "", "models/__init__": "", **sources}.items():
            path = folder / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)

    yield write
    code._look.cache_clear()


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import numpy, helpers.rle", {"helpers", "helpers.rle"}),
        ("import helpers.data.images as i", {"helpers", "helpers.data", "helpers.data.images"}),
        ("from helpers.data import leaks", {"helpers", "helpers.data", "helpers.data.leaks"}),
        ("from helpers.rle import rle2mask", {"helpers", "helpers.rle"}),
        ("def f():\n    from helpers.rle import rle2mask", {"helpers", "helpers.rle"}),  # when it is called
        ("import helpersome\nimport os", set()),
    ],
)
def test_imported_modules(source, modules):
    assert imported_modules(source) == modules


def test_imported_modules_from_inside_a_package():
    assert imported_modules("from . import leaks\nfrom .. import rle", "helpers.data") == {
        "helpers", "helpers.data", "helpers.data.leaks", "helpers.rle"
    }  # fmt: skip


def test_module_path_of_strangers():
    assert module_path("numpy") is None and module_path("helpers.nothing") is None
    assert module_path("helpers.data").name == "__init__.py"


def test_module_digests_go_on_to_what_modules_need(package):
    """Also around a circle, and through an import inside a function."""
    package(a="from helpers.b import f", b="def f():\n    import helpers.models.c", models__in__c="import helpers.a")
    assert list(module_digests(["helpers.a"])) == [
        "helpers", "helpers.a", "helpers.b", "helpers.models", "helpers.models.c"
    ]  # fmt: skip


def test_module_digests_of_a_half_typed_module_name_it(package):
    package(a="def half(")
    with pytest.raises(SyntaxError) as raised:
        module_digests(["helpers.a"])
    assert raised.value.filename.endswith("a.py")


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ('"""Says more."""\n\n\ndef f(x):\n    """Twice."""\n    # why\n    return 2 * x\n', True),
        ("def f(x): return 2 * x", True),
        ("__version__ = '2'\ndef f(x): return 2 * x", True),
        ("def f(x): return 3 * x", False),
        ("def f(x): return 2 * x\nHOW_MANY = 1", False),
    ],
)
def test_digests_tell_what_is_computed_from_what_is_said(package, changed, same):
    package(a="def f(x):\n    return 2 * x\n", b="import helpers.a")
    before = module_digests(["helpers.b"]), code_digest("helpers.b")
    package(a=changed, b="import helpers.a")
    after = module_digests(["helpers.b"])
    assert (after == before[0]) is same
    assert (code_digest("helpers.b") == before[1]) is same
    assert after["helpers.b"] == before[0]["helpers.b"]


def test_functions_digest_is_of_just_these():
    assert functions_digest(code_digest) == functions_digest(code_digest)
    assert functions_digest(code_digest) != functions_digest(module_digests)
    assert functions_digest(code_digest, module_digests) != functions_digest(module_digests, code_digest)
