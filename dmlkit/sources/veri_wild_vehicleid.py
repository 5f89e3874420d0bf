"""VERI-Wild and VehicleID as one dataset, as in the paper. Their vehicles stay apart; models of one name are one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dmlkit.errors import SourceError
from dmlkit.sources import vehicleid, veri_wild
from dmlkit.sources.base import BlankTable, Candidate, PlanRequest, Source, SourceClasses, Unit
from dmlkit.sources.common.listed import Tree, plan_rows, read_listed
from dmlkit.sources.common.paths import path_required
from dmlkit.sources.common.vehicles import make_classes, read_rules
from dmlkit.sources.vehicleid import VehicleId
from dmlkit.sources.veri_wild import VeriWild


class VeriWildVehicleId(Source):
    """The units of both, each with the name of its source, so that ids are those of a build from it alone."""

    name = "veri-wild+vehicleid"

    def open_trees(self, path: Path | None) -> tuple[Tree, Tree]:
        """Find the files of both. Raises `SourceError` if ``--from`` is not a folder that holds both."""
        if path is None:
            raise path_required(self.name, self.how_to_get)
        if not path.is_dir():
            raise SourceError(
                f"{path} is not a folder that holds both sources",
                code="source.not-a-folder",
                hint=self.how_to_get,
                path=path,
            )
        return VeriWild().find_files(path), VehicleId().find_files(path)

    def blank_table(self, request: PlanRequest) -> BlankTable:
        """Make the table of VehicleID's models."""
        return vehicleid.make_model_table(vehicleid.read_lists(self.open_trees(request.path)[1]))

    def classes(self, request: PlanRequest) -> SourceClasses:
        """Make the classes of both, by the rules of VERI-Wild. Raises `SourceError`."""
        first, second = self.open_trees(request.path)
        rules = read_rules(request.manifest, VeriWild.name)
        infos, lists = veri_wild.read_info(first), vehicleid.read_lists(second)
        table = vehicleid.read_model_table(request.table, request.manifest)
        vehicles = [*veri_wild.assign_models(infos, rules), *vehicleid.assign_models(lists, table)]
        notes = [f"VERI-Wild: {note}" for note in veri_wild.count_notes(first, infos)]
        notes += [f"VehicleID: {note}" for note in vehicleid.count_notes(second)]
        notes += [f"VehicleID: {note}" for note in vehicleid.model_notes(lists, table, request.table)]
        return make_classes(vehicles, rules, notes)

    def plan(self, request: PlanRequest) -> list[Unit]:
        """Plan the units of both."""
        units = []
        for source, tree in zip((VeriWild(), VehicleId()), self.open_trees(request.path), strict=True):
            own = plan_rows(tree, source.rows(tree), f"{source.name}-")
            units += [replace(unit, source=source.name) for unit in own]
        return units

    def read(self, unit: Unit) -> Iterator[Candidate]:
        """Read the images of one unit."""
        return read_listed(unit)
