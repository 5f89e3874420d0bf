"""The report of a run says what brute force says, whatever the form of the dataset; bad input is a sentence."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from dmlkit.cli.push import push
from dmlkit.dataset.facts import CoverageFacts, DatasetFacts, ManifestFacts, SourceFacts
from dmlkit.errors import OutputError, RunError, UsageError
from dmlkit.evaluation import labels, ranking
from dmlkit.evaluation.api import make_problem
from dmlkit.evaluation.embeddings import check_embeddings
from dmlkit.evaluation.metrics import METRICS
from dmlkit.report.run import map, tables
from dmlkit.report.run import nearest as run_nearest
from dmlkit.report.run.overview import write_run_report
from dmlkit.schema.scales import SCALES
from dmlkit.training import evaluate_run, neighbours
from dmlkit.training.train import train
from tests.support.browser import NARROW, WIDE, chromium, faults, opened, overflow
from tests.support.dots import HUES, ONE_THREAD, build_dots, settings
from tests.support.dyml_release import ANIMAL, PRODUCT, imported, write_release
from tests.support.errors import raises
from tests.support.manifests import sums

torch.set_num_threads(1)
EVIL = """<script>alert(1)</script>"'&<br>"""
CLASSES = [replace(c, coarse=EVIL, fine=f"{c.fine} <i>") if c.coarse == "half 0" else c for c in HUES]
PAGES = ("index", "nearest", "mistakes", "confusion", "map")


@pytest.fixture(scope="module")
def where(tmp_path_factory) -> Path:
    """A dataset ``out``, two runs on it, ``one`` and ``two``, and the report of both, ``both``."""
    folder = tmp_path_factory.mktemp("runs")
    dataset = build_dots(folder, CLASSES)
    train(dataset, settings(epochs=2), folder / "one", ONE_THREAD)
    train(dataset, settings(epochs=1, loss="triplet"), folder / "two", ONE_THREAD)
    write_run_report(folder / "one", dataset, folder / "both", folder / "two")
    return folder


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def of_release(folder: Path, name: str, lists: dict) -> Path:
    """The folder of a report of a run on an imported release."""
    dataset = str(imported(write_release(folder / f"dyml_{name}", lists), folder / "out").out)
    train(dataset, settings(epochs=1, batch_size=8, per_class=2), folder / "run", ONE_THREAD)
    write_run_report(folder / "run", dataset, folder / "report")
    return folder


def text_of(page: Path) -> str:
    """What a page says, without its markup and data."""
    text = re.sub(r"<script.*?</script>", " ", page.read_text(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def shown(page: Path) -> list[dict[str, str]]:
    """What the viewer of a page says of each image, in their order."""
    (data,) = re.findall(r'<script type="application/json" id="rows">(.*?)</script>', page.read_text(), re.S)
    return [dict(row) for row in json.loads(data)]


def by_brute_force(run: Path, dataset: str, scale: str | None = None, one_set: bool = False):
    """The test's labels, and for each query the positions of the whole gallery by double precision, itself left out."""
    sides = ("query",) if one_set else ("query", "gallery")
    _, vectors = evaluate_run.embed(run, dataset, sides, scale=scale)
    known = labels.load_labels(dataset, ("query", "gallery"), scale)
    query, gallery = known.select("query"), known.select("gallery")
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    near = unit[: len(query.ids)] @ unit[-len(gallery.ids) :].T
    near[np.array(query.ids)[:, None] == np.array(gallery.ids)] = -np.inf
    return query, gallery, near


def in_lists(rows: list[dict[str, str]]) -> list[tuple[dict[str, str], list[dict[str, str]]]]:
    """Each query with all that is shown after it."""
    found: list = []
    for row in rows:
        if row.get("Shown as") == "query":
            found.append((row, []))
        else:
            found[-1][1].append(row)
    return found


def test_nearest_equal_brute_force(where):
    dataset = str(where / "out")
    lists = in_lists(shown(where / "both" / "nearest.html"))
    for number, name in enumerate(("one", "two")):
        query, gallery, near = by_brute_force(where / name, dataset)
        for asked, found in lists:
            row = query.ids.index(asked["image_id"])
            of_run = found[10 * number : 10 * number + 10]
            assert [item["Rank"] for item in of_run] == [str(rank) for rank in range(1, 11)]
            at = [gallery.ids.index(item["image_id"]) for item in of_run]
            best = np.sort(near[row])[::-1][:10]
            assert near[row, at] == pytest.approx(best, abs=1e-6)
            assert [float(item["Similarity"]) for item in of_run] == pytest.approx(best, abs=6e-4)
            for item, place in zip(of_run, at, strict=True):
                same = [s for s, a, b in zip(SCALES, query.labels[row], gallery.labels[place], strict=True) if a == b]
                assert item["Match"] == run_nearest.MATCHES[same[0] if same else "none"]
                assert item["Fine"] == gallery.names["fine"][gallery.labels[place, 0]]


def test_queries_are_selected_by_id(where):
    lists = in_lists(shown(where / "both" / "nearest.html"))
    query = labels.load_labels(str(where / "out"), ("query",))
    expected = run_nearest.select_queries(query, 2)
    assert [asked["image_id"] for asked, _ in lists] == [query.ids[row] for row in expected]
    assert {asked["Coarse"] for asked, _ in lists} == {EVIL, "half 1"}
    many = replace(query, labels=np.repeat(np.arange(len(query.ids), dtype=np.int32)[:, None], 3, axis=1))
    few = run_nearest.select_queries(many, 0, 5)
    keys = sorted(query.ids, key=run_nearest.order_key)
    assert {query.ids[row] for row in few} == set(keys[:5])  # with more classes than places, the first hashes


def test_confusion_counts_every_query_once(where):
    for name, table in zip(
        ("one", "two"),
        re.findall(r'<table class="confusion">.*?</table>', (where / "both" / "confusion.html").read_text(), re.S),
        strict=True,
    ):
        query, gallery, near = by_brute_force(where / name, str(where / "out"))
        wanted = np.zeros((2, 2), int)
        np.add.at(wanted, (query.labels[:, 2], gallery.labels[near.argmax(axis=1), 2]), 1)
        cells = [int(n) for n in re.findall(r'<td class="heat heat-\d+[^"]*"><span[^>]*>(\d+)</span>', table)]
        assert cells == wanted.ravel().tolist()
        assert sum(cells) == len(query.ids)


def test_surest_mistakes_come_first(where):
    rows = in_lists(shown(where / "both" / "mistakes.html"))
    expected = []
    for name in ("one", "two"):
        query, gallery, near = by_brute_force(where / name, str(where / "out"))
        first = near.argmax(axis=1)
        wrong = np.flatnonzero(query.labels[:, 2] != gallery.labels[first, 2])
        order = sorted(wrong, key=lambda row, near=near: -near[row].max())
        expected += [(query.ids[row], gallery.ids[first[row]]) for row in order]
        assert f"{len(wrong)} of {len(query.ids)} queries" in text_of(where / "both" / "mistakes.html")
    assert expected
    assert [(asked["image_id"], found[0]["image_id"]) for asked, found in rows] == expected
    assert all(asked["Coarse"] != found[0]["Coarse"] for asked, found in rows)


def test_metrics_of_two_runs_and_their_difference(where):
    page = (where / "both" / "index.html").read_text()
    runs = [metrics_of(where / name, str(where / "out")) for name in ("one", "two")]
    for scale in (*SCALES, "overall"):
        values = [100 * of[scale]["mAP"] for of in runs]
        cells = re.findall(rf'{scale}-text">{scale}</span>.*?</tbody>', page, re.S)[0]
        numbers = [
            text.replace("−", "-") for text in re.findall(r'<td class="n">(?:<span[^>]*>)?([+−]?[\d.]+)<', cells)
        ]
        assert numbers[0] == f"{values[0]:.1f}"
        line = len(METRICS)
        later = [text for text in numbers if text]
        assert f"{values[1]:.1f}" in later
        assert float(numbers[-line]) == pytest.approx(values[1] - values[0], abs=0.051)
    assert "csl" in page
    assert "triplet" in page


def metrics_of(run: Path, dataset: str) -> dict:
    return neighbours.merge_metrics(neighbours.search_test_sets(run, dataset, lambda *_: None))


def test_same_run_gives_same_report(where, tmp_path):
    dataset = str(where / "out")
    for name in ("first", "second"):
        write_run_report(where / "one", dataset, tmp_path / name)
    files = [p.relative_to(tmp_path / "first") for p in (tmp_path / "first").rglob("*") if p.is_file()]
    assert {str(f) for f in files} >= {"index.html", "nearest.html", "mistakes.html", "confusion.html", "map.html"}
    assert all((tmp_path / "first" / f).read_bytes() == (tmp_path / "second" / f).read_bytes() for f in files)
    before = sums(where / "out")
    with pytest.raises(OutputError) as error:
        write_run_report(where / "one", dataset, where / "out")
    assert error.value.facts["path"] == where / "out"
    with pytest.raises(UsageError) as refused:
        write_run_report(where / "one", dataset, where / "out" / "pages")
    assert refused.value.code == "report.inside-dataset"
    assert sums(where / "out") == before


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the hub's client, against its own
def test_hub_dataset_is_reported_like_its_folder(hub, where, tmp_path):
    push.main([str(where / "out"), "me/dots", "--private", "--with-images", "--quiet"], standalone_mode=False)
    write_run_report(where / "one", "me/dots", tmp_path / "report")
    here = in_lists(shown(where / "both" / "nearest.html"))
    assert in_lists(shown(tmp_path / "report" / "nearest.html")) == [(asked, found[:10]) for asked, found in here]
    index = text_of(tmp_path / "report" / "index.html")
    assert "one on me/dots" in index
    assert "This dataset has classes and images of its own" in index


def test_query_never_finds_itself(tmp_path):
    folder = of_release(tmp_path, "product", PRODUCT)
    query, gallery, near = by_brute_force(folder / "run", str(folder / "out"), one_set=True)
    lists = in_lists(shown(folder / "report" / "nearest.html"))
    assert len(lists) == len(query.ids) == 6
    for asked, found in lists:
        row = query.ids.index(asked["image_id"])
        assert len(found) == 5
        at = [gallery.ids.index(item["image_id"]) for item in found]
        assert row not in at
        assert near[row, at] == pytest.approx(np.sort(near[row])[::-1][:5], abs=1e-6)
    assert "All 6 images" in text_of(folder / "report" / "map.html")


def test_whole_release_has_published_figures(tmp_path, monkeypatch):
    folder = of_release(tmp_path, "animal", ANIMAL)
    nearest, index = text_of(folder / "report" / "nearest.html"), text_of(folder / "report" / "index.html")
    assert [f"Test set of the {scale} scale" in nearest for scale in SCALES] == [True] * 3
    lists = in_lists(shown(folder / "report" / "nearest.html"))
    assert [len(found) for _, found in lists] == [3] * 6  # two queries a scale; a gallery of three
    assert "45.2" not in index
    assert "trained on 8 fine, 4 middle, 2 coarse classes; the official release has 495 fine, 28 middle" in index
    monkeypatch.setitem(tables.RELEASED, "dyml-animal", {"fine": 8, "middle": 4, "coarse": 2})
    write_run_report(folder / "run", str(folder / "out"), folder / "report")
    index = text_of(folder / "report" / "index.html")
    assert "CSL 45.2 31.0 52.3 81.7 88.3 DyML paper (CVPR 2021)" in index
    assert "MSA 54.1 47.0 73.4 92.3 95.3" in index


def sample_facts():
    """The facts of a synthetic sample."""
    coverage = dict.fromkeys(SCALES, CoverageFacts(1, 1, 1.0))
    return DatasetFacts("split", ManifestFacts("tiny", "1", ""), SourceFacts("sample"), {}, {}, coverage)


def test_own_dataset_has_no_published_figures(where):
    index = text_of(where / "both" / "index.html")
    assert "This dataset has classes and images of its own, so they are not comparable." in index
    assert "HAPPIER" not in index
    drawn = tables.compare_with_published([], sample_facts())
    assert not drawn["rows"]
    assert "The images are drawn" in drawn["why"]


def test_unfinished_run_is_reported(where, tmp_path):
    dataset = str(where / "out")
    train(dataset, settings(epochs=3), tmp_path / "run", replace(ONE_THREAD, stop_after=1))
    (tmp_path / "run" / "run.json").write_text("{")
    write_run_report(tmp_path / "run", dataset, tmp_path / "report")
    index = text_of(tmp_path / "report" / "index.html")
    assert "This run is not finished: 1 of 3 epochs are done." in index
    assert "not known: run.json cannot be read" in index


def test_bad_input_is_refused_and_leaves_nothing(where, tmp_path, monkeypatch):
    dataset = str(where / "out")
    other = build_dots(tmp_path / "other", first=50)
    untested = build_dots(tmp_path / "untested", [replace(c, split="train") for c in HUES])
    train(untested, settings(epochs=1), tmp_path / "trained", ONE_THREAD)
    for run, data, second, error, code in (
        (where / "one", other, None, RunError, "training.other-dataset"),
        (where / "one", dataset, tmp_path, UsageError, "training.no-checkpoint"),
        (where / "one", dataset, where / "one" / ".." / "one", UsageError, "report.same-run"),
        (tmp_path / "trained", untested, None, UsageError, "evaluation.no-split"),
        (where / "one", dataset, tmp_path / "trained", UsageError, "report.different-datasets"),
        (where / "one", str(where / "two"), None, UsageError, "report.run-as-dataset"),
    ):
        with raises(error, code):
            write_run_report(run, data, tmp_path / "report", second)
    monkeypatch.setitem(sys.modules, "torch", None)
    with raises(UsageError, "training.missing-extra") as error:
        write_run_report(where / "one", dataset, tmp_path / "report")
    assert "dmlkit[train]" in error.value.hint
    assert not [p for p in tmp_path.iterdir() if "report" in p.name]


# In a browser


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_from_disk_and_is_accessible(browser, where, name):
    with opened(browser, where / "both" / f"{name}.html") as page:
        for size, scheme in ((WIDE, "light"), (NARROW, "dark")):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.emulate_media(color_scheme=scheme)
            for chart in page.locator(".plot").all():
                expect(chart.locator("svg").first).to_be_attached()
            assert overflow(page) <= 0
            if scheme == ("dark" if name in ("nearest", "confusion") else "light"):  # axe takes seconds
                assert faults(page) == []
        expect(page.locator("main h1")).to_have_count(1)
        assert page.locator("script:not([src]):not([type='application/json'])").count() == 0


def test_names_of_classes_are_texts_everywhere(browser, where):
    for name in ("nearest", "confusion"):
        with opened(browser, where / "both" / f"{name}.html") as page:
            expect(page.get_by_text(EVIL, exact=True).first).to_be_visible()
    with opened(browser, where / "both" / "map.html") as page:
        legend = page.locator("#map-0-a .legendtext")
        expect(legend).to_have_count(2)
        assert sorted(legend.all_text_contents()) == sorted([EVIL, "half 1"])
        trace = page.evaluate("document.getElementById('map-0-a').data.findIndex((t) => t.name.includes('script'))")
        page.evaluate(f"Plotly.Fx.hover('map-0-a', [{{curveNumber: {trace}, pointNumber: 0}}])")
        expect(page.locator("#map-0-a .hoverlayer text tspan", has_text=EVIL)).to_have_count(1)


def test_images_are_shown_larger_by_keyboard(browser, where):
    with opened(browser, where / "both" / "nearest.html") as page:
        rows = shown(where / "both" / "nearest.html")
        first = page.locator("button[data-show]").first
        for _ in range(40):
            page.keyboard.press("Tab")
            if first.evaluate("button => button === document.activeElement"):
                break
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(rows[0]["image_id"])
        page.keyboard.press("ArrowRight")
        expect(dialog).to_contain_text(rows[1]["image_id"])
        expect(dialog).to_contain_text(rows[1]["Match"])
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(page.locator('button[data-show="1"]')).to_be_focused()


def test_map_takes_colours_of_chosen_scale(browser, where):
    colours = "document.getElementById('map-0-b').data.map((trace) => [trace.marker.color].flat())"
    with opened(browser, where / "both" / "map.html") as page:
        expect(page.locator("#map-0-b .point")).to_have_count(64)
        assert [len(of) for of in page.evaluate(colours)] == [1, 1]
        page.get_by_label("coarse class").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(page.get_by_label("fine class")).to_be_checked()
        by_fine = page.evaluate(colours)
        fine = len({row for row in labels.load_labels(str(where / "out"), ("query", "gallery")).labels[:, 0].tolist()})
        assert len({colour for of in by_fine for colour in of}) == fine
        page.emulate_media(color_scheme="dark")
        assert page.evaluate(colours) == by_fine
        expect(page.locator("#map-0-b .point")).to_have_count(64)


def test_curves_end_at_the_values_of_the_run(browser, where):
    told = json.loads((where / "one" / "run.json").read_text())
    with opened(browser, where / "both" / "index.html") as page:
        page.wait_for_selector("#course-map .point")
        lines = page.evaluate("document.getElementById('course-map').data.map((t) => [t.name, t.y])")
        assert lines[0][0] == "overall"
        assert lines[0][1] == pytest.approx([100 * e["metrics"]["overall"]["mAP"] for e in told["epochs"]], abs=1e-3)
        said = page.locator("#loss-finding").inner_text()
        assert f"{told['epochs'][-1]['loss']:.3f} after epoch 2" in said
        page.get_by_text("The figures as a table").first.click()
        assert page.get_by_role("rowheader", name="2", exact=True).first.is_visible()


# The parts


def test_nearest_breaks_ties_as_metrics_do(monkeypatch):
    rng = np.random.default_rng(0)
    vectors = rng.integers(-1, 2, (40, 3)).astype(np.float32) + np.float32(0.25)  # few directions: many are equal
    ids = [str(i) for i in range(40)]
    known = np.zeros((40, 3), np.int32)
    task = make_problem(check_embeddings(vectors[:9], known[:9], ids[:9]), check_embeddings(vectors, known, ids))
    monkeypatch.setattr(ranking, "MAX_BLOCK_ROWS", 4)
    told: list[int] = []
    found, near = neighbours.find_nearest(task, 50, lambda done, total: told.append(done))
    for query in range(9):
        similar = (vectors[query] * task.query_inverse_norm[query]) @ vectors.T * task.gallery_inverse_norm
        order = [i for i in np.argsort(-similar, kind="stable").tolist() if i != query]
        assert found[query].tolist() == order + [-1] * 11
        assert near[query, :39] == pytest.approx(similar[order], abs=1e-6)
    few, _ = neighbours.find_nearest(task, 10, lambda *_: None)
    assert np.array_equal(few, found[:, :10])
    assert told[-1] == 9


def test_pca_keeps_distances_and_orientation(monkeypatch):
    monkeypatch.setattr(map, "find_spec", lambda name: None)  # as without umap-learn
    rng = np.random.default_rng(1)
    flat = rng.standard_normal((50, 2)) * (5, 1)
    turn = np.linalg.qr(rng.standard_normal((8, 8)))[0][:2]
    vectors = (flat @ turn + 3).astype(np.float32)
    found = map.project_pca(vectors)
    assert found.share == pytest.approx(1)
    between = [np.linalg.norm(of[:, None] - of[None], axis=2) for of in (flat, found.xy)]
    assert between[1] == pytest.approx(between[0], abs=1e-4)
    turned = map.map_embeddings(vectors * [1, -1, 1, -1, 1, -1, 1, -1], like=-found.xy)
    assert (turned.xy[:, 0] * -found.xy[:, 0]).sum() > 0
    assert np.array_equal(map.project_pca(np.ones((4, 3), np.float32)).xy, np.zeros((4, 2)))


def test_colours_follow_the_tree():
    tree = np.array([[4 * c + 2 * m + f, 2 * c + m, c] for c in range(3) for m in range(2) for f in range(2)], np.int32)
    fine, middle, coarse = map.colour_classes(tree)
    assert len(set(coarse.values())) == len(coarse)
    assert len(set(fine.values())) == len(fine)
    assert len(set(middle.values())) == len(middle)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for of in (fine, middle, coarse) for colour in of.values())
