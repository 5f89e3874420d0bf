"""Every error has a code that programs and tests can rely on, and names say what a thing is.

What is known is counted for each room as it was when the house was built, and may only shrink.
"""

import ast
import re
from functools import cache

from tests.support.source_code import core_modules, describe_new, modules, name_of

AREAS = (
    "usage", "manifest", "taxonomy", "wordnet", "source", "storage", "pool", "output", "dataset", "hub", "evaluation",
    "training", "report", "formats", "dyml",
)  # fmt: skip
CODE = re.compile(rf"({'|'.join(AREAS)})\.[a-z0-9]+(-[a-z0-9]+)*")
# Names that say how a value came, not what it is.
BANNED = frozenset(("found", "made", "given", "its", "there", "of", "said", "told"))

KNOWN_WITHOUT_CODE: dict[str, int] = {}
KNOWN_BANNED: dict[str, int] = {}
KNOWN_ELSEWHERE: dict[str, int] = {}  # classes of errors that are defined outside `dmlkit.errors`


@cache
def error_classes():
    """The classes DmlkitError and all that derive from it: name -> (module, line)."""
    classes = [(m, node) for m in modules().values() for node in ast.walk(m.tree) if isinstance(node, ast.ClassDef)]
    places = {}
    names = {"DmlkitError"}
    while len(places) < len(names):
        places = {node.name: (m, node.lineno) for m, node in classes if node.name in names}
        names |= {node.name for _, node in classes if {name_of(base) for base in node.bases} & names}
    return places


@cache
def constructions():
    """Every call or raise of a class of errors, as (module, place, class, code or None)."""
    names = error_classes()
    listed = []
    for module in core_modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and (name := name_of(node.func)) in names:
                values = [k.value for k in node.keywords if k.arg == "code" and isinstance(k.value, ast.Constant)]
                listed.append((module, f"{module.path}:{node.lineno}", name, values[0].value if values else None))
            elif isinstance(node, ast.Raise) and node.exc and (name := name_of(node.exc)) in names:
                listed.append((module, f"{module.path}:{node.lineno}", name, None))
    return listed


def test_every_error_has_a_literal_code():
    without = [(module.room, f"{place} {name}") for module, place, name, code in constructions() if not code]
    assert not (new := describe_new(without, KNOWN_WITHOUT_CODE)), new


def test_codes_are_an_area_and_a_kebab():
    assert [f"{place} {code}" for _, place, _, code in constructions() if code and not CODE.fullmatch(code)] == []


def test_a_code_belongs_to_one_class():
    classes = {}
    for _, place, name, code in constructions():
        classes.setdefault(code, {})[name] = place
    assert {code: places for code, places in classes.items() if code and len(places) > 1} == {}


def test_errors_are_defined_in_one_file():
    elsewhere = [
        (m.room, f"{m.path}:{line} {name}") for name, (m, line) in error_classes().items() if m.room != "errors"
    ]
    assert not (new := describe_new(elsewhere, KNOWN_ELSEWHERE)), new


def test_names_say_what_a_thing_is():
    banned = []
    for module in core_modules():
        for node in ast.walk(module.tree):
            name = node.arg if isinstance(node, ast.arg) else node.id if isinstance(node, ast.Name) else ""
            if name in BANNED and not isinstance(getattr(node, "ctx", None), ast.Load):
                banned.append((module.room, f"{module.path}:{node.lineno} {name}"))
    assert not (new := describe_new(banned, KNOWN_BANNED)), new
