"""The command line: results on stdout, all else on stderr, one object with --json, an exit code, never a traceback."""

import json
import subprocess
import sys
import time

import click
import pytest

from dmlkit.cli.main import COMMANDS, main
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES, TOML, write_manifest


@pytest.fixture
def build(dmlkit, tiny_manifest, tiny_source, tmp_path):
    """Build the tiny dataset with further options."""
    return lambda *more: dmlkit(
        "build", tiny_manifest, "--from", tiny_source, "--out", tmp_path / "o", "--jobs", 1, *more
    )


def test_build_shows_counts_on_stdout(build):
    code, out, err = build()
    assert code == 0
    assert "48 of 48 images" in out
    assert "load_dataset(" in out
    assert "48 of 48" not in err


def test_build_shows_steps_and_terms_on_stderr(build):
    _, out, err = build()
    assert "collect" in err
    assert "may not be passed on" in err
    assert "collect" not in out


def test_quiet_writes_nothing_to_stderr(build):
    code, _, err = build("--quiet")
    assert (code, err) == (0, "")


def test_build_under_the_minimum_exits_with_3(build, tiny_source):
    (tiny_source / f"{CLASSES[0].fine_id}.tar").unlink()
    code, _, err = build()
    assert code == 3
    assert f"{CLASSES[0].fine_id} (dog 1)" in err


def test_allow_partial_exits_with_0(build, tiny_source):
    (tiny_source / f"{CLASSES[0].fine_id}.tar").unlink()
    code, out, _ = build("--allow-partial", "--json")
    facts = json.loads(out)
    assert (code, facts["complete"], facts["coverage"]["fine"]["reached"]) == (0, False, False)
    assert facts["missing"] == [f"{CLASSES[0].fine_id} (dog 1)"]


@pytest.mark.parametrize(
    ("args", "exit_code", "code"),
    [
        (["build", "anmial"], 2, "manifest.unknown-name"),
        (["build", "animal", "--jobs", "0"], 2, "usage.command-line"),
        (["build", "animal", "--source", "imagenet"], 2, "usage.source-not-accepted"),
        (["build", "animal", "--source", "imagenet-21k"], 1, "source.path-required"),
        (["build", "animal", "--source", "imagenet-21k", "--from", "no/such/folder"], 1, "source.unreadable"),
        (["build", "animal", "--from", "."], 2, "usage.path-not-read"),
        (["build"], 2, "usage.no-dataset"),
        (["build", "animal", "--revision", "v1"], 2, "usage.revision-without-from-hub"),
        (["build", "animal", "--retry", "ok"], 2, "usage.unknown-status"),
        (["build", "animal", "--out", "no-protocol://x"], 2, "usage.bad-url"),
        (["validate", "no/such/folder"], 2, "dataset.not-a-folder"),
        (["validate", "s3://bucket/folder"], 2, "usage.local-folder"),
        (["info", "no/such/folder"], 2, "manifest.unknown-name"),
        (["manifest", "check", "no/such"], 2, "manifest.unknown-name"),
        (["sheets", "no/such", "--out", "x"], 2, "dataset.not-a-folder"),
        (["report", "no/such"], 2, "usage.no-folder"),
        (["report", "."], 2, "usage.nothing-to-report"),
        (["export", ".", "--format", "oml", "--out", "x", "--faithful"], 2, "usage.option-of-other-format"),
        (["frobnicate"], 2, "usage.command-line"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_wrong_command_names_code_and_exits(dmlkit, tmp_path, monkeypatch, args, exit_code, code):
    monkeypatch.chdir(tmp_path)
    got, out, err = dmlkit(*args, "--json")
    facts = json.loads(out)
    assert (got, facts["exit_code"], facts["code"]) == (exit_code, exit_code, code)
    assert facts["error"] in err


def test_error_leaves_stdout_empty_without_json(dmlkit):
    code, out, err = dmlkit("build", "anmial")
    assert (code, out) == (2, "")
    assert "anmial" in err


def test_wrong_name_gets_a_suggestion(dmlkit):
    assert "animal" in json.loads(dmlkit("build", "anmial", "--json")[1])["hint"]
    assert "'build'" in dmlkit("biuld")[2]


def test_json_of_a_build_is_one_object(build):
    assert json.loads(build("--dry-run", "--json")[1])["units"] == 8
    assert json.loads(build("--json")[1])["images"]["train"] == 24


@pytest.mark.parametrize(
    ("args", "key", "value"),
    [
        (["validate", "GOOD"], "valid", True),
        (["info", "GOOD"], "fine", 8),
        (["info", "animal"], "fine", 611),
        (["list"], "manifests", None),
        (["manifest", "check", "TINY"], "name", "tiny"),
        (["manifest", "diff", "TINY", "TINY"], "changes", []),
        (["manifest", "new", "mine"], "files", None),
        (["sheets", "GOOD", "--out", "sheets"], "sheets", None),
        (["export", "GOOD", "--format", "oml", "--out", "oml"], "kept", 48),
        (["report", "GOOD", "--out", "pages"], "images", 48),
        (["push", "GOOD", "me/tiny", "--dry-run"], "dataset", "tiny"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_json_of_a_command_is_one_object(
    dmlkit, good_folder, tiny_manifest, tmp_path, monkeypatch, args, key, value
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    places = {"GOOD": good_folder, "TINY": tiny_manifest}
    code, out, _ = dmlkit(*(places.get(arg, arg) for arg in args), "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts[key] if value is None else facts[key] == value


def test_dry_run_for_people_writes_nothing(build, tmp_path):
    code, out, _ = build("--dry-run")
    assert code == 0
    assert "8 of 8 fine classes" in out
    assert not (tmp_path / "o").exists()


def test_validate_shows_findings_and_exits_with_3(dmlkit, changeable):
    (changeable / "README.md").write_text("no card")
    code, out, _ = dmlkit("validate", changeable)
    assert code == 3
    assert "E103 README.md" in out
    assert "not valid" in out


def test_list_names_datasets_and_sources(dmlkit):
    code, out, _ = dmlkit("list")
    assert code == 0
    for word in ("animal", "611 fine", "sample", "imagenet-21k", "imagenet-1k", "tiny-imagenet", "--source"):
        assert word in out


def test_info_shows_the_tree(dmlkit):
    _, out, _ = dmlkit("info", "animal")
    assert len(out.splitlines()) == 2 + 5 * 2 + 47 + 611
    assert "  penguin (n02055803): 5 fine, test" in out


def test_info_stops_at_the_middle_classes(dmlkit):
    _, out, _ = dmlkit("info", "animal", "--middle")
    assert len(out.splitlines()) == 2 + 5 * 2 + 47


@pytest.mark.usefixtures("needs_wordnet")
def test_wordnet_lists_senses_and_never_picks(dmlkit):
    code, out, _ = dmlkit("wordnet", "peacock")
    assert code == 0
    assert "senses; give the wnid" in out
    assert "n01806143" in out
    assert "n02279257" in out  # the butterfly


@pytest.mark.usefixtures("needs_wordnet")
def test_wordnet_places_a_wnid(dmlkit):
    _, out, _ = dmlkit("wordnet", "n01806143", "--json")
    (sense,) = json.loads(out)["senses"]
    assert (sense["status"], sense["fine_id"]) == ("ok", "n01805801")  # peafowl


@pytest.mark.usefixtures("needs_wordnet")
def test_wordnet_refuses_an_unknown_name(dmlkit):
    code, out, _ = dmlkit("wordnet", "snarkle", "--json")
    assert (code, json.loads(out)["code"]) == (2, "wordnet.unknown-name")


@pytest.mark.usefixtures("needs_wordnet")
def test_derive_finds_committed_files_unchanged(dmlkit):
    code, out, _ = dmlkit("manifest", "derive", "animal", "--check", "--json")
    assert (code, json.loads(out)) == (0, {"classes.tsv": "unchanged", "excluded.tsv": "unchanged"})


HELP = """
import sys
sys.argv = ["dmlkit", "--help"]
from dmlkit.cli.main import run
try:
    run()
except SystemExit:
    print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_help_imports_nothing_heavy():
    ran = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    heavy = {"torch", "datasets", "pandas", "numpy", "pyarrow", "nltk", "PIL", "rich", "yaml", "huggingface_hub"}
    assert heavy.isdisjoint(ran.stdout.splitlines()[-1].split())


def test_help_comes_fast():
    times = []
    for _ in range(3):
        start = time.monotonic()
        subprocess.run([sys.executable, "-m", "dmlkit", "--help"], capture_output=True, check=True)
        times.append(time.monotonic() - start)
    assert min(times) < 2  # half a second on an idle machine


@pytest.mark.parametrize("name", COMMANDS)
def test_help_lists_commands_under_their_names(name):
    command = main.get_command(click.Context(main), name)
    assert command.name == name


def test_reader_that_stops_reading_is_no_error():
    ran = subprocess.run(
        f"{sys.executable} -m dmlkit info animal | head -n 1", shell=True, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("animal 1.0.0")
    assert ran.stderr == ""


def test_build_of_photographs_names_their_terms(dmlkit, tmp_path):
    for number, c in enumerate(load_manifest("animal").classes[:3]):
        members = {f"{c.fine_id}_{i}.JPEG": make_image(10 * number + i) for i in (1, 2)}
        write_tar(tmp_path / "tars" / f"{c.fine_id}.tar", members)
    args = ["--from", tmp_path / "tars", "--source", "imagenet-21k", "--allow-partial"]
    code, out, err = dmlkit("build", "animal", *args, "--out", tmp_path / "p", "--jobs", 1)
    assert (code, "6 of 6 images" in out) == (0, True)
    assert "do not allow to publish" in err


def test_build_of_the_sample_names_photographs(dmlkit, tmp_path):
    toml = TOML + '[sample]\ndrawing = "animal"\nper_class = 4\n'
    folder = write_manifest(tmp_path / "tiny", CLASSES[:4], toml)
    args = ["--source", "sample", "--limit", 2, "--jobs", 1, "--out", tmp_path / "sample"]
    code, _, err = dmlkit("build", folder, *args)
    assert code == 0
    assert "--source" in err
