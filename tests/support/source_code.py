"""The modules of dmlkit as syntax trees, for the contract tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "dmlkit"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Module:
    """One file of the package: its dotted name, its path from the root of the repository, its lines and its tree."""

    name: str
    path: str
    num_lines: int
    tree: ast.Module

    @property
    def room(self) -> str:
        """Name the first folder or file below the package: ``dmlkit.hub.push`` is in ``hub``.

        The package's own ``__init__`` is in no room, so the text is empty.
        """
        return self.name.partition(".")[2].partition(".")[0]


@cache
def modules() -> dict[str, Module]:
    """Parse every file of the package, by dotted name."""
    parsed = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        parsed[name] = Module(name, path.relative_to(ROOT).as_posix(), len(text.splitlines()), ast.parse(text))
    return parsed


def core_modules() -> list[Module]:
    """List the modules outside `dmlkit.sample`, whose slimming is an issue of its own."""
    return [module for module in modules().values() if module.room != "sample"]


def functions(module: Module) -> Iterator[tuple[str, Function]]:
    """Yield every function of a module, methods and inner functions too, with its dotted name in the module."""
    yield from _functions(module.tree, "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
        inner = f"{prefix}{child.name}." if isinstance(child, Function | ast.ClassDef) else prefix
        yield from _functions(child, inner)


@dataclass(frozen=True)
class Import:
    """An import of a module of the package by another one."""

    importer: str
    imported: str
    name: str  # with what is taken from the module: ``dmlkit.text.plural``
    line: int
    for_types_only: bool = False


@cache
def imports(module: Module) -> list[Import]:
    """List the imports of the package's own modules, those inside functions and by `import_module` too."""
    listed = []
    for node, for_types_only in _walk(module.tree, False):
        for name in _imported_names(node, module):
            if name.split(".")[0] == PACKAGE:
                listed.append(Import(module.name, _module_of(name), name, node.lineno, for_types_only))
    return listed


def _walk(node: ast.AST, for_types_only: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield the nodes below ``node``, each with whether it is under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        guarded = for_types_only or (isinstance(child, ast.If) and name_of(child.test) == "TYPE_CHECKING")
        yield child, guarded
        yield from _walk(child, guarded)


def _imported_names(node: ast.AST, module: Module) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{module.path}:{node.lineno}: imports are absolute"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and name_of(node.func) == "import_module":
        # `import_module(TABLE[name])` is understood if the table is a constant of the same module.
        return _module_names(module.tree)
    return []


def _module_names(tree: ast.Module) -> list[str]:
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return sorted({text for text in texts if text.partition(":")[0] in modules() and text != PACKAGE})


def _module_of(name: str) -> str:
    """Find the module that a dotted name is, or is in: ``dmlkit.text.plural`` is in ``dmlkit.text``."""
    while name not in modules():
        name = name.rpartition(".")[0]
    return name


def cycles(edges: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """List the sets of modules that import each other, directly or by way of others."""
    reach = {name: _reachable(name, edges) for name in edges}
    groups = {tuple(sorted(o for o in reach[name] if name in reach.get(o, ()))) for name in edges}
    return sorted(group for group in groups if group)


def _reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(edges.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(edges.get(name, ()))
    return seen


def name_of(node: ast.AST) -> str:
    """Return the last part of a dotted name: ``errors.UsageError`` -> ``UsageError``. No name gives an empty text."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def describe_new(violations: list[tuple[str, str]], known: dict[str, int]) -> str:
    """List the violations, as (room, place), of each room that has more than it had: nothing if there are none."""
    by_room: dict[str, list[str]] = {}
    for room, place in violations:
        by_room.setdefault(room, []).append(place)
    return "".join(
        f"\n{room}: {len(places)}, known {known.get(room, 0)}\n  " + "\n  ".join(places)
        for room, places in sorted(by_room.items())
        if len(places) > known.get(room, 0)
    )
