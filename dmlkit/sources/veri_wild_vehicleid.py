"""VERI-Wild and VehicleID as one dataset, as in the paper. Their vehicles stay apart; models of one name are one."""

from __future__ import annotations

from dataclasses import replace

from dmlkit import terms
from dmlkit.errors import SourceError
from dmlkit.sources import Classes, Request, vehicleid, veri_wild
from dmlkit.sources.base import Unit
from dmlkit.sources.common import listed, vehicles
from dmlkit.sources.common.listed import Tree

NAME = "veri-wild+vehicleid"


def classes(request: Request) -> Classes:
    """The classes of both, by the rules of VERI-Wild. Raises `SourceError`."""
    first, second = trees_of(request)
    rules = vehicles.rules_of(request.manifest, veri_wild.NAME)
    rows = veri_wild.read_info(first)
    of_second = vehicleid.notes_on(second)
    found = [*veri_wild.vehicles_of(rows, rules), *vehicleid.vehicles_of(second, request, of_second)]
    notes = [f"VERI-Wild: {note}" for note in veri_wild.notes_on(first, rows)]
    notes += [f"VehicleID: {note}" for note in of_second]
    return vehicles.classes_of(found, rules, notes)


def plan(request: Request) -> list[Unit]:
    """The units of both, each with the name of its source, so that ids are those of a build from it alone."""
    first, second = trees_of(request)
    rows = veri_wild.rows_of(first, veri_wild.read_info(first))
    return [
        *(replace(u, source=veri_wild.NAME) for u in listed.units_of(first, rows, "veri-wild-")),
        *(replace(u, source=vehicleid.NAME) for u in listed.units_of(second, vehicleid.rows_of(second), "vehicleid-")),
    ]


def trees_of(request: Request) -> tuple[Tree, Tree]:
    """The files of both. Raises `SourceError` where ``--from`` is not a folder that holds both."""
    if request.path is None or not request.path.is_dir():
        where = f"{request.path} is not" if request.path else f"the source {NAME} needs --from,"
        raise SourceError(f"{where} a folder that holds both sources", hint=terms.load(NAME).how_to_get)
    return veri_wild.tree_in(request.path), vehicleid.tree_in(request.path)
