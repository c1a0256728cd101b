"""The project's own code as something that results depend on: which modules are needed, and whether one changed."""

import ast
import hashlib
import importlib.util
import inspect
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).absolute().parent
PACKAGE = FOLDER.name


def imported_modules(source, inside=""):
    """The project's modules that a source imports, also those that a function imports when it is called.

    Args:
        source: Python source.
        inside: name of the package that the source lies in, for imports that begin with a dot.

    Returns:
        Set of module names, the packages that they lie in among them.

    Raises:
        SyntaxError: it is no Python.

    Example:
        >>> sorted(imported_modules("from helpers.rle import rle2mask"))
        ['helpers', 'helpers.rle']
    """
    return _imports(ast.parse(source), inside)


def _imports(tree, inside):
    """As `imported_modules`, of a source that is parsed."""
    named = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            module = importlib.util.resolve_name(module, inside) if node.level else module
            named |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return {part for name in named for part in _with_packages(name) if module_path(part)}


def _with_packages(name):
    """A module's name and those of the packages that it lies in."""
    parts = name.split(".")
    return {".".join(parts[: length + 1]) for length in range(len(parts))}


def module_path(name):
    """The file of one of the project's modules; None where there is none of that name."""
    first, *rest = name.split(".")
    if first != PACKAGE:
        return None
    place = FOLDER.joinpath(*rest)
    return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)


def module_digests(names):
    """What the code of modules, and of all that they need of the project, comes to.

    Comments, docstrings, the layout of lines and the version's number don't count, since nothing that is computed
    depends on them.

    Args:
        names: names of modules of the project.

    Returns:
        dict of module name -> SHA-256, sorted by name.

    Raises:
        SyntaxError: one of them is no Python; its `filename` says which.
    """
    found, waiting = {}, {part for name in names for part in _with_packages(name)}
    while waiting:
        name = waiting.pop()
        found[name], needed = _look(module_path(name), name)
        waiting |= needed - set(found)
    return dict(sorted(found.items()))


def code_digest(*names):
    """One SHA-256 over modules and all that they need of the project."""
    lines = [f"{name} {digest}" for name, digest in module_digests(names).items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@cache
def _look(path, name):
    """(SHA-256 of what a module computes, names of the project's modules that it imports)."""
    tree = ast.parse(path.read_bytes(), str(path))
    inside = name if path.name == "__init__.py" else name.rpartition(".")[0]
    needed = _imports(tree, inside)
    return _tree_digest(tree), needed


def functions_digest(*functions):
    """One SHA-256 over functions of modules, without what they call; otherwise as `module_digests`."""
    sources = [inspect.getsource(function) for function in functions]
    return _tree_digest(ast.parse("\n".join(sources)))


def _tree_digest(tree):
    """SHA-256 of what a source computes; its docstrings are gone afterwards."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    tree.body = [node for node in tree.body if not _is_version(node)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_version(node):
    """Whether it is the statement that sets `__version__`."""
    return isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["__version__"]
