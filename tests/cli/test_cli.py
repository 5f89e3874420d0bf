"""The command line: results on stdout, all else on stderr, one object with --json, an exit code, never a traceback."""

import json
import subprocess
import sys
import time

import pytest

from dmlkit.cli import main
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES


@pytest.fixture
def dmlkit(monkeypatch, capsys):
    """Run a command in this process: (exit code, stdout, stderr)."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["dmlkit", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main.run()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return ended.value.code or 0, out, err

    return run


@pytest.fixture
def build(dmlkit, tiny_manifest, tiny_source, tmp_path):
    """Build the tiny dataset with further options."""
    return lambda *more: dmlkit(
        "build", tiny_manifest, "--from", tiny_source, "--out", tmp_path / "o", "--jobs", 1, *more
    )


def test_build_shows_counts_on_stdout_and_steps_on_stderr(build):
    code, out, err = build()
    assert code == 0
    assert "48 of 48 images" in out
    assert "load_dataset(" in out
    assert "collect" in err
    assert "may not be passed on" in err


def test_quiet_says_nothing_on_stderr(build):
    code, _, err = build("--quiet")
    assert (code, err) == (0, "")


def test_under_the_floor_is_code_3_and_names_the_missing_classes(build, tiny_source):
    (tiny_source / f"{CLASSES[0].fine_id}.tar").unlink()
    code, _, err = build()
    assert code == 3
    assert f"{CLASSES[0].fine_id} (dog 1)" in err
    code, out, _ = build("--allow-partial", "--json")
    facts = json.loads(out)
    assert (code, facts["complete"], facts["coverage"]["fine"]["found"]) == (0, False, 7)
    assert facts["missing"] == [f"{CLASSES[0].fine_id} (dog 1)"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["build", "anmial"], 2, "no manifest is called 'anmial'"),
        (["build", "animal", "--jobs", "0"], 2, "--jobs"),
        (["build", "animal", "--source", "imagenet"], 2, "choose --source from"),
        (["build", "animal", "--source", "imagenet-21k"], 1, "needs --from"),
        (["build", "animal", "--source", "imagenet-21k", "--from", "no/such/folder"], 1, "cannot be read"),
        (["build", "animal", "--from", "."], 2, "reads no --from"),
        (["build"], 2, "NAME"),
        (["validate", "no/such/folder"], 2, "no dataset folder"),
        (["info", "no/such/folder"], 2, "no manifest is called"),
        (["manifest", "check", "no/such"], 2, "no manifest is called"),
        (["sheets", "no/such", "--out", "x"], 2, "as a dataset folder"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_wrong_commands_say_what_is_wrong(dmlkit, tmp_path, monkeypatch, args, code, said):
    monkeypatch.chdir(tmp_path)
    got, out, err = dmlkit(*args)
    assert (got, out) == (code, "")
    assert said in err


def test_an_error_with_json_is_one_object(dmlkit):
    code, out, _ = dmlkit("build", "anmial", "--json")
    facts = json.loads(out)
    assert (code, facts["exit_code"]) == (2, 2)
    assert "animal" in facts["hint"]
    code, out, _ = dmlkit("build", "--jobs", "0", "animal", "--json")
    assert (code, json.loads(out)["exit_code"]) == (2, 2)


def test_json_of_every_command_is_one_object(dmlkit, build, tmp_path, tiny_manifest):
    _, out, _ = build("--dry-run", "--json")
    assert json.loads(out)["units"] == 8
    _, out, _ = build("--json")
    assert json.loads(out)["images"]["train"] == 24
    folder = tmp_path / "o"
    for args, key, value in (
        (["validate", folder], "valid", True),
        (["info", folder], "fine", 8),
        (["info", "animal"], "fine", 611),
        (["list"], "manifests", None),
        (["manifest", "check", tiny_manifest], "name", "tiny"),
        (["manifest", "diff", tiny_manifest, tiny_manifest], "changes", []),
        (["manifest", "new", tmp_path / "mine"], "files", None),
        (["sheets", folder, "--out", tmp_path / "sheets"], "sheets", None),
    ):
        code, out, _ = dmlkit(*args, "--json")
        facts = json.loads(out)
        assert code == 0
        assert facts[key] if value is None else facts[key] == value, args


def test_dry_run_for_people(build, tmp_path):
    code, out, _ = build("--dry-run")
    assert code == 0
    assert "8 of 8 fine classes" in out
    assert not (tmp_path / "o").exists()


def test_validate_shows_its_findings_and_exits_with_3(build, dmlkit, tmp_path):
    build()
    (tmp_path / "o" / "README.md").write_text("no card")
    code, out, _ = dmlkit("validate", tmp_path / "o")
    assert code == 3
    assert "E103 README.md" in out
    assert "not valid" in out


def test_list_names_data_sets_and_sources(dmlkit):
    code, out, _ = dmlkit("list")
    assert code == 0
    for word in ("animal", "611 fine", "sample", "imagenet-21k", "imagenet-1k", "tiny-imagenet", "--source"):
        assert word in out


def test_info_shows_the_tree(dmlkit):
    _, out, _ = dmlkit("info", "animal")
    assert len(out.splitlines()) == 2 + 5 * 2 + 47 + 611
    assert "  penguin (n02055803): 5 fine, test" in out
    _, short, _ = dmlkit("info", "animal", "--middle")
    assert len(short.splitlines()) == 2 + 5 * 2 + 47


@pytest.mark.usefixtures("needs_wordnet")
def test_wordnet_lists_senses_and_never_picks(dmlkit):
    code, out, _ = dmlkit("wordnet", "peacock")
    assert code == 0
    assert "senses; give the wnid" in out
    assert "n01806143" in out
    assert "n02279257" in out  # the butterfly
    _, out, _ = dmlkit("wordnet", "n01806143", "--json")
    (sense,) = json.loads(out)["senses"]
    assert (sense["status"], sense["fine_id"]) == ("ok", "n01805801")  # peafowl
    code, _, err = dmlkit("wordnet", "snarkle")
    assert (code, "no noun 'snarkle'" in err) == (2, True)


@pytest.mark.usefixtures("needs_wordnet")
def test_derive_finds_the_committed_files_unchanged(dmlkit):
    code, out, _ = dmlkit("manifest", "derive", "animal", "--check", "--json")
    assert (code, json.loads(out)) == (0, {"classes.tsv": "unchanged", "excluded.tsv": "unchanged"})


def test_progress_is_a_bar_on_a_terminal_only(build, monkeypatch):
    _, _, err = build()
    assert "\r" not in err
    assert "\x1b" not in err


def test_help_comes_fast_and_imports_nothing_heavy():
    code = (
        "import sys, dmlkit.cli.main; sys.argv = ['dmlkit', '--help']\n"
        "try: dmlkit.cli.main.run()\n"
        "except SystemExit: print([m for m in ('torch', 'datasets', 'pandas', 'nltk', 'pyarrow') if m in sys.modules])"
    )
    times = []
    for _ in range(3):
        started = time.monotonic()
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        times.append(time.monotonic() - started)
        assert ran.stdout.endswith("[]\n")
    assert min(times) < 2  # half a second on an idle machine


def test_a_reader_that_stops_reading_is_no_error():
    ran = subprocess.run(
        f"{sys.executable} -m dmlkit info animal | head -n 1", shell=True, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("animal 1.0.0")
    assert ran.stderr == ""


def test_a_photograph_source_names_its_terms_and_the_sample_says_it_is_drawn(dmlkit, tmp_path):
    from dmlkit.taxonomy.manifest import load_manifest

    animal = load_manifest("animal")
    for number, c in enumerate(animal.classes[:3]):
        write_tar(
            tmp_path / "tars" / f"{c.fine_id}.tar",
            {f"{c.fine_id}_{i}.JPEG": make_image(10 * number + i) for i in (1, 2)},
        )
    args = ["--from", tmp_path / "tars", "--source", "imagenet-21k", "--allow-partial"]
    code, out, err = dmlkit("build", "animal", *args, "--out", tmp_path / "p", "--jobs", 1)
    assert (code, "6 of 6 images" in out) == (0, True)
    assert "do not allow to publish" in err
