"""What README and docs print is true: their commands and snippets run, in their order, in one folder."""

import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from dmlkit.sources.registry import SOURCES
from dmlkit.taxonomy import manifest
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import make_image, write_tar
from tests.support.samples import LIMIT, shared_sample

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "tutorial.md", ROOT / "docs" / "python.md", ROOT / "docs" / "adding.md"]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)")
DRAWN = ROOT / "out" / "animal.pool"  # what `make animal` leaves


def blocks(page):
    """The fenced blocks of bash and Python, as (language, text)."""
    return re.findall(r"^```(bash|python)\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder as the pages assume it: with the photographs that a reader would have.

    To draw the whole sample takes long. Where `make animal` has done so, its pool is here, and the same build goes on
    from it; else two images of each class are.
    """
    folder = tmp_path_factory.mktemp("docs")
    small = shared_sample("animal", tmp_path_factory).with_name("animal.pool")
    shutil.copytree(DRAWN if DRAWN.is_dir() else small, folder / "out" / "animal.pool")
    shutil.copytree(small, folder / "out" / "small.pool")
    classes = load_manifest("animal").classes[::60]
    wnids = [c.fine_id for c in classes] + ["n02123394", "n02123045"]
    for number, wnid in enumerate(wnids):
        images = {f"{wnid}_{i}.JPEG": make_image(100 * number + i, 320, 300) for i in range(3)}
        write_tar(folder / "winter21_whole" / f"{wnid}.tar", images | {f"{wnid}_9.JPEG": b""})
    with tarfile.open(folder / "winter21_whole.tar.gz", "w:gz") as outer:
        for path in sorted((folder / "winter21_whole").iterdir()):
            outer.add(path, f"winter21_whole/{path.name}")
    (folder / "urls.csv").write_text(f"url,label\nhttps://images.example/1.jpg,{wnids[0]}\n")
    (folder / "ILSVRC2012").mkdir()
    with tarfile.open(folder / "ILSVRC2012" / "ILSVRC2012_img_train.tar", "w") as outer:
        for number, wnid in enumerate(("n02123394", "n02123597", "n02129604")):
            inner = write_tar(folder / "inner" / f"{wnid}.tar", {f"{wnid}_1.JPEG": make_image(9000 + number)})
            outer.add(inner, f"{wnid}.tar")
    return folder


@pytest.fixture(scope="module")
def answers():
    """What each command wrote to stdout: a page that repeats the command of another one does not run it again."""
    return {}


@pytest.fixture
def run(workplace, answers, dmlkit, monkeypatch):
    """Run a line of bash, which must be a command of dmlkit, in the workplace; return what it wrote to stdout."""
    monkeypatch.chdir(workplace)

    def run_line(line):
        program, *args = shlex.split(line, comments=True)
        assert program == "dmlkit", line
        if args == ["build", "animal"] and not DRAWN.is_dir():
            args += ["--limit", LIMIT]
        if (key := tuple(args)) not in answers:
            code, answers[key], err = dmlkit(*args)
            assert code == 0, f"{line}\n{err}"
        return answers[key]

    return run_line


@pytest.mark.usefixtures("needs_wordnet")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_snippets_run(page, run):
    assert blocks(page)
    for language, text in blocks(page):
        if language == "python":
            exec(compile(text, page.name, "exec"), {})
        elif text.startswith("make "):
            check_make(text, run)
        else:
            for line in text.splitlines():
                run(line)


def check_make(text, run):
    """The targets exist; CI runs them. What `make animal` does once the environment is there is done here."""
    targets = re.findall(r"^make (\w+)", text, re.M)
    plan = subprocess.run(["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "dmlkit build animal" in plan
    assert "pytest" in plan
    total = 8 * 611 if DRAWN.is_dir() else LIMIT * 611
    assert f"{total:,} of {total:,} images" in run("dmlkit build animal")


def test_links_lead_somewhere():
    for page in [
        ROOT / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted(ROOT.glob("manifests/*/README.md")),
    ]:
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_command_line_reference_is_current():
    """`make docs` makes it."""
    # In a process of its own: click keeps the help of a command as it was asked for first, by whatever test.
    code = "from make_cli_reference import reference; print(reference(), end='')"
    made = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "docs", capture_output=True, text=True, check=True)
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == made.stdout


def test_generated_tables_are_current(monkeypatch):
    """`make docs` makes them."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    from make_tables import TABLES, fill_tables

    for page in {page for page, _ in TABLES}:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        assert fill_tables(page, text) == text


def test_format_page_has_statuses_and_columns():
    from dmlkit.schema.features import hierarchy_features, image_features
    from dmlkit.schema.statuses import STATUSES

    page = (ROOT / "docs" / "dataset-format.md").read_text(encoding="utf-8")
    for status in STATUSES:
        if status.name != "ok":
            assert f"| `{status.name}` | {status.group} |" in page
            assert status.meaning in page
    for column in image_features({scale: ["x"] for scale in ("fine", "middle", "coarse")}):
        assert f"`{column}`" in page
    assert "`upstream_labels`" in page
    assert set(hierarchy_features()) >= {"path", "split", "upstream_labels"}


def test_dependencies_are_explained():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for requirement in [*project["dependencies"], *(r for rs in project["optional-dependencies"].values() for r in rs)]:
        name = re.match(r"[\w-]+", requirement)[0]
        assert name in page, name


def test_table_of_sources_is_complete():
    table = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", (ROOT / "docs" / "sources.md").read_text(encoding="utf-8"), re.M)
    assert [name for name, _ in table] == list(SOURCES)
    for name, of in table:
        accept = [m for m in manifest.shipped_names() if name in load_manifest(m).accepted_sources()]
        assert [m for m in manifest.shipped_names() if m in of] == accept, name
