"""The cells of a notebook that decide a result: find them, run them with other parameters, trace their code.

A notebook is read as a list of code cells. What a cell binds and uses is read off its syntax
tree, as a compiler does it (liveness): a call of a method as a statement of its own counts as
a change of the object, and a function uses what its body uses.
"""

import ast
import builtins
import io
import os
import re
import tokenize
from contextlib import redirect_stdout, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import nbformat

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
DRAWING = ("figures", "live")  # modules of helpers that change no number


class Cell(NamedTuple):
    """The source of a code cell and its tags."""

    source: str
    tags: tuple


def read(stem):
    """The code cells of a notebook, by its name without .ipynb."""
    notebook = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4)
    return [
        Cell(cell.source, tuple(cell.metadata.get("tags", [])))
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def recipe(stem):
    """The set-up cells of a notebook before the first that trains: how its network is built and trained."""
    found = read(stem)
    first = next(i for i, cell in enumerate(found) if re.search(r"(?<!def )\btrain\(", cell.source))
    return [cell for cell in found[:first] if {"setup", "parameters"} & set(cell.tags)]


def _loads(node):
    """Names a piece of code reads, those in its functions included; their own variables are others."""
    return _free(node) - set(dir(builtins))


def _free(node):
    """Names read in a node, but for those that a function or a comprehension binds within itself."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    read = set().union(*map(_free, ast.iter_child_nodes(node)))
    if isinstance(node, (ast.FunctionDef, ast.Lambda)):
        outside = [*getattr(node, "decorator_list", []), *_defaults(node)]
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        outside = [node.generators[0].iter]
    else:
        return read
    own = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    return (read - own).union(*map(_free, outside))


def _defaults(function):
    return [*function.args.defaults, *filter(None, function.args.kw_defaults)]


def _loads_at_once(tree):
    """As `_loads`, but of a function only what its definition reads, not what its call will."""
    return set().union(
        *(
            _loads(part)
            for statement in tree.body
            for part in (
                [
                    *statement.decorator_list,
                    *statement.args.defaults,
                    *filter(None, statement.args.kw_defaults),
                ]
                if isinstance(statement, ast.FunctionDef)
                else [statement]
            )
        )
    )


def _bound(tree):
    """(all names that a cell binds or changes, those that it binds anew whatever they were)."""
    bound, anew = set(), set()
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            anew.add(statement.name)
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.alias):
                anew.add((node.asname or node.name).partition(".")[0])
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                # within a loop or a condition, or added to, a name may keep what it held
                (anew if isinstance(statement, ast.Assign) else bound).add(node.id)
            elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
                bound |= _root(node)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                bound |= _root(node.value.func) if isinstance(node.value.func, ast.Attribute) else set()
    return bound | anew, anew


def _root(node):
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def deciding(cells, wanted):
    """The cells that `wanted` cells need, and those themselves, in the order of the notebook.

    Parameters
    ----------
    cells : list of Cell
    wanted : callable, Cell -> bool

    Returns
    -------
    list of Cell, the one with the tag `parameters` always among them
    """
    trees = [ast.parse(cell.source) for cell in cells]
    functions = {
        statement.name: _loads(statement)
        for tree in trees
        for statement in tree.body
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef))
    }
    needed, kept = set(), []
    for cell, tree in zip(reversed(cells), reversed(trees)):
        bound, anew = _bound(tree)
        if not (wanted(cell) or bound & needed or "parameters" in cell.tags):
            continue
        kept.append(cell)
        used = _loads_at_once(tree)
        while more := set().union(*(functions.get(name, set()) for name in used)) - used:
            used |= more
        needed = (needed - anew) | used
    return kept[::-1]


def with_parameters(source, values):
    """The source of a cell in which some names are assigned other values.

    >>> with_parameters("SEED = 0\\nEPOCHS = 4\\nUPDATES = 94 * EPOCHS", {"SEED": 3})
    'SEED = 3\\nEPOCHS = 4\\nUPDATES = 94 * EPOCHS'

    Raises
    ------
    ValueError
        A name is not assigned there.
    """
    tree = ast.parse(source)
    left = dict(values)
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", None) in left:
            statement.value = ast.Constant(left.pop(statement.targets[0].id))
    if left:
        raise ValueError(f"the parameters cell assigns no {', '.join(left)}: {source!r}")
    return ast.unparse(tree)


def value_of(cells, name):
    """The number that a parameters cell assigns to a name, such as EPOCHS."""
    (cell,) = [cell for cell in cells if "parameters" in cell.tags]
    namespace = {}
    exec(cell.source, namespace)
    return namespace[name]


def run(cells, parameters):
    """Run cells in this process, silently, with other parameters.

    Parameters
    ----------
    cells : list of Cell
    parameters : dict, name -> value, for the cell with the tag `parameters`

    Returns
    -------
    namespace : dict, what the cells left
    shown : list of dict, MIME type -> data, of what helpers.verdict displayed as data
    """
    import helpers.verdict as verdicts

    namespace, shown = {"__name__": "__main__"}, []

    def each():
        for cell in cells:
            source = with_parameters(cell.source, parameters) if "parameters" in cell.tags else cell.source
            exec(compile(source, "<cell>", "exec"), namespace)

    with (
        patch.object(verdicts, "display", lambda data, raw: shown.append(data)),
        suppress(verdicts.VerdictError),  # an absent effect leaves its numbers all the same
    ):
        silently(each)
    return namespace, shown


def silently(function):
    """What the function returns; what it prints is dropped."""
    with open(os.devnull, "w") as quiet, redirect_stdout(quiet):
        return function()


def shown_by(cells, parameters):
    """The second part of `run`: data, which can be sent from one process to another."""
    return run(cells, parameters)[1]


@cache
def _definitions(module):
    """Top-level name -> (its code, names that code reads), of a module or a package of helpers."""
    path = ROOT / "helpers" / module.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    source = path.read_text(encoding="utf-8")
    found = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("helpers"):
            for alias in statement.names:
                name = f"{statement.module}.{alias.name}"
                found[alias.asname or alias.name] = name, {name}
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            found[statement.name] = _code_at(statement, source), _loads(statement)
        elif isinstance(statement, ast.Assign):
            for name in (n.id for target in statement.targets for n in ast.walk(target) if hasattr(n, "id")):
                found[name] = _code_at(statement, source), _loads(statement)
    return found


def _code_at(statement, source):
    first = min(node.lineno for node in (statement, *getattr(statement, "decorator_list", ())))
    return bare("\n".join(source.splitlines()[first - 1 : statement.end_lineno]))


def bare(source):
    """Code without comments, docstrings and blank lines: words may change, and every Python reads the same.

    Not ast.unparse, which writes the same code otherwise in another version of Python.
    """
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            words = node.body[0]
            lines[words.lineno - 1 : words.end_lineno] = [""] * (words.end_lineno - words.lineno + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _place(dotted):
    """(module, name) of helpers.module.name; no module where a whole module is imported."""
    module, _, name = dotted.removeprefix("helpers.").rpartition(".")
    return module, name


def _places(tree, module, alias):
    """(module, name) of what is imported; of a whole module, what the code uses of it by name."""
    if module:
        return [(module, alias.name)]
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    owners = {node.value: node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used = {owners.get(node) for node in names if node.id == (alias.asname or alias.name)}
    # handed on as it is, the module may be asked for anything
    return [("", alias.name)] if None in used else [(alias.name, each) for each in used]


def code_of(cells):
    """The cells' own code without comments, whatever the seed."""
    return "\n".join(re.sub(r"^SEED = .*$", "SEED", bare(cell.source), flags=re.MULTILINE) for cell in cells)


def helpers_of(source):
    """The code in helpers that a piece of code calls, and what that calls in turn.

    Figures and live curves are left out: they change no number.
    """
    tree = ast.parse(source)
    used = _loads(tree)
    todo = [
        place
        for statement in tree.body
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("helpers")
        for alias in statement.names
        if (alias.asname or alias.name) in used
        for place in _places(tree, statement.module.removeprefix("helpers").removeprefix("."), alias)
    ]
    found = {}
    while todo:
        module, name = todo.pop()
        if module == "":  # a whole module: all of it
            todo += [(name, each) for each in _definitions(name)]
        elif module not in DRAWING and (module, name) not in found and name in _definitions(module):
            code, reads = _definitions(module)[name]
            found[module, name] = code
            todo += [_place(each) if "." in each else (module, each) for each in reads]
    return "\n".join(found[key] for key in sorted(found))
