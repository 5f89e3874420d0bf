"""Imports point down the list of rooms, and no two modules import each other.

What is known is listed as it was when the house was built, and may only shrink.
"""

import re

from tests.support.source_code import PACKAGE, ROOT, cycles, describe_new, imports, modules

# From the top: a room may import the rooms of the lines below its own.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("report",),
    ("formats",),
    ("hub", "training"),
    ("pipeline", "evaluation"),
    ("dataset", "sources"),
    ("taxonomy", "sample"),
    ("storage",),
    ("terms",),
    ("schema",),
    ("errors",),
    ("text",),
)
LEVELS = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

KNOWN_UPWARD: dict[str, int] = {}
KNOWN_FOR_TYPES: dict[str, int] = {}
KNOWN_CYCLES = 0


def own_imports():
    """All imports between modules, but those of the package itself, which has the public names and the version."""
    return [i for module in modules().values() for i in imports(module) if module.room and i.imported != PACKAGE]


def room_of(name):
    return name.split(".")[1]


def describe(found):
    return f"{found.importer}:{found.line} imports {found.imported}"


def test_every_module_is_in_a_room():
    assert {module.room for module in modules().values()} - {""} <= set(LEVELS)


def test_imports_point_down():
    upward = [
        (f"{room_of(i.importer)} -> {room_of(i.imported)}", describe(i))
        for i in own_imports()
        if room_of(i.importer) != room_of(i.imported) and LEVELS[room_of(i.imported)] <= LEVELS[room_of(i.importer)]
    ]
    assert not (new := describe_new(upward, KNOWN_UPWARD)), new


def test_modules_do_not_import_each_other():
    edges = {name: {i.imported for i in imports(module)} - {PACKAGE} for name, module in modules().items()}
    del edges[PACKAGE]  # its public names are loaded when they are asked for
    groups = cycles(edges)
    assert len(groups) <= KNOWN_CYCLES, groups


def test_types_need_no_imports_of_their_own():
    guarded = [(room_of(i.importer), describe(i)) for i in own_imports() if i.for_types_only]
    assert not (new := describe_new(guarded, KNOWN_FOR_TYPES)), new


def test_only_the_version_comes_from_the_package():
    taken = [i for module in modules().values() for i in imports(module) if i.imported == PACKAGE]
    assert [f"{i.importer}:{i.line} {i.name}" for i in taken if i.name != f"{PACKAGE}.__version__"] == []


def test_architecture_page_has_every_room_in_order():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)?) \| .* \| `([\w.]+)` \|$", page, re.M)
    rooms = [room for names, _ in rows for room in re.findall(r"\w+", names)]
    assert rooms == [room for layer in LAYERS for room in layer if not room.startswith("__")]
    for names, file in rows:
        room = re.findall(r"\w+", names)[0]
        assert any((ROOT / PACKAGE / place).is_file() for place in (f"{room}/{file}", file)), file
