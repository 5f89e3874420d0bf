"""`dmlkit build --from-hub`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dmlkit.cli.options import FAILED_CHECK, note, print_json
from dmlkit.errors import UsageError
from dmlkit.text import printable

DECIDED = ("source", "limit", "size", "table")
"""Options whose values the published dataset has."""


@dataclass(frozen=True)
class Asked:
    """What `dmlkit build` was asked, besides the options of a build."""

    repo: str
    revision: str | None
    name: str
    dry_run: bool
    allow_partial: bool
    as_json: bool
    quiet: bool


def rebuild(asked: Asked, chosen: dict[str, Any]) -> int:
    """Make a published dataset again. Returns the exit code."""
    from dmlkit.cli.build import print_result, result_json
    from dmlkit.cli.push import show_bars
    from dmlkit.cli.terminal import Steps
    from dmlkit.hub import rebuild
    from dmlkit.pipeline.build import Options, build
    from dmlkit.storage.hub_client import check_name

    given = [f"--{name}" for name in DECIDED if chosen[name] is not None]
    if asked.name or given:
        raise UsageError(
            f"--from-hub {asked.repo} says which dataset it is, and {asked.name or given[0]} would say it again",
            hint=f"leave out {asked.name or given[0]}",
        )
    check_name(asked.repo)
    if chosen["path"] is None and not asked.dry_run:
        raise UsageError("--from-hub needs your own copy of the source", hint="add --from DIR")
    show_bars(False)
    published = rebuild.fetch(asked.repo, asked.revision)
    out = chosen["out"] or Path("out") / published.manifest.name
    if not isinstance(out, Path):
        raise UsageError(f"--from-hub writes to a folder of this machine, not to {out}", hint="choose another --out")
    if asked.dry_run:
        facts = dry_facts(published, out)
        print_json(facts) if asked.as_json else print_dry(facts)
        return 0
    decided = {"source": published.source, "limit": published.limit, "size": published.size, "out": out}
    options = Options(**{key: value for key, value in (chosen | decided).items() if value is not None})
    with Steps(asked.quiet or asked.as_json) as steps:
        result = build(published.manifest, options, steps, published)
    found = rebuild.compare(published, out, result.statuses)
    if asked.as_json:
        beside = {"published": asdict(found) | {"same": found.same}}
        print_json(result_json(result) | {"source": published.source, "complete": not found.lost} | beside)
    else:
        print_result(result)
        print_comparison(found)
    for lost in found.lost:
        note(f"{lost['status']} {printable(lost['image_id'])}: {printable(lost['detail'])}", asked.quiet)
    return FAILED_CHECK if found.lost and not asked.allow_partial else 0


def dry_facts(published: Any, out: Path) -> dict[str, Any]:
    from dmlkit import terms

    return {
        "repo": published.repo,
        "commit": published.commit,
        "data_set": published.manifest.name,
        "version": published.manifest.version,
        "source": published.source,
        "get": terms.load(published.source).how_to_get,
        "limit": published.limit,
        "size": published.size,
        "images": {split: int((published.rows["split"] == split).sum()) for split in published.build["images"]},
        "out": str(out),
    }


def print_dry(facts: dict[str, Any]) -> None:
    images = ", ".join(f"{n:,} {split}" for split, n in facts["images"].items())
    print(f"dataset  {facts['data_set']} {facts['version']}, {facts['repo']} at {facts['commit']}")
    print(f"images  {images}")
    print(f"source    {facts['source']}: {facts['get']}")
    print(f"into      {facts['out']}")


def print_comparison(found: Any) -> None:
    have = found.images - len(found.lost)
    print(f"\n{found.repo} at {found.commit}: {have:,} of its {found.images:,} images are in this copy")
    if found.same:
        print("The files of data/ and hierarchy/ are the published ones, byte for byte.")
    elif not found.lost:
        why = f": {', '.join(found.versions)}" if found.versions else ""
        print(f"The images, labels and splits are the published ones; the bytes of their files differ{why}")
    if found.unlisted:
        print(f"Not in the published dataset, so left out: {found.unlisted:,} candidates of this copy.")
