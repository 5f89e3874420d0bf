"""The card says what the files hold, under the source's terms, and no text from a manifest becomes anything else."""

import re
import shutil
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
import yaml
from datasets import Features, load_dataset
from datasets.exceptions import NonMatchingSplitsSizesError
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt

from dmlkit import terms
from dmlkit.dataset import card, card_sections
from dmlkit.dataset.credits import write_citation
from dmlkit.dataset.facts import ManifestFacts, SourceFacts
from dmlkit.dataset.folder import DatasetFolder
from dmlkit.dataset.markdown import plain
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.schema.statuses import STATUS_BY_NAME
from dmlkit.sources.registry import SOURCES
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES, TOML, WHALE, build_folder, write_manifest

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


COUNTS = {"train": 24, "query": 9, "gallery": 15}


def parts(folder):
    """The YAML's fields and the text below it."""
    _, front, body = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def tables(body):
    """The cells of each row of the tables, by the first cell."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}


@pytest.fixture
def write_card(changeable, tmp_path):
    """The card of the tiny manifest for any source, beside Parquet files that were built from another one."""

    def write(source="sample", toml=TOML, bib="@misc{a}"):
        own = write_manifest(tmp_path / "own", toml=toml)
        (own / "CITATION.bib").write_text(bib)
        tiny, built = load_manifest(str(own)), DatasetFolder.open(changeable)
        manifest = ManifestFacts(tiny.name, tiny.version, tiny.sha256, tiny.settings, tiny.citations())
        facts = replace(built.facts, manifest=manifest, source=SourceFacts(source))
        write_citation(changeable, facts, "0")
        card.write_card(replace(built, stored_facts=facts), "0")
        return parts(changeable)

    return write


def test_hub_can_read_the_yaml(good_folder):
    fields, _ = parts(good_folder)
    data = DatasetCard.load(good_folder / "README.md", ignore_metadata_errors=False).data
    assert data.to_dict() == fields
    assert data.license == "other"
    assert (fields["license_name"], fields["license_link"]) == (
        "imagenet-21k-terms",
        "https://image-net.org/download.php",
    )
    assert data.pretty_name == "Tiny animals (imagenet-21k)"
    assert data.size_categories == ["n<1K"]
    assert data.source_datasets == ["extended|imagenet-21k"]
    assert "image-feature-extraction" in data.task_categories
    assert {"metric-learning", "image-retrieval"} <= set(data.tags)
    assert "synthetic" not in data.tags


def test_numbers_are_those_of_the_files(good_folder):
    fields, body = parts(good_folder)
    counts = {s: sum(pq.read_metadata(p).num_rows for p in good_folder.glob(f"data/{s}-*")) for s in SPLITS}
    default, hierarchy = fields["dataset_info"]
    assert {s["name"]: s["num_examples"] for s in default["splits"]} == counts
    assert hierarchy["splits"][0]["num_examples"] == len(CLASSES)
    assert default["download_size"] == sum(p.stat().st_size for p in good_folder.glob("data/*"))
    rows = tables(body)
    assert rows["images"] == [*(f"{counts[s]}" for s in SPLITS), f"{sum(counts.values())}", ""]
    for scale in SCALES:
        found = [
            len({row[scale] for p in good_folder.glob(f"data/{s}-*") for row in pq.read_table(p).to_pylist()})
            for s in SPLITS
        ]
        total = len({c.name(scale) for c in CLASSES})
        assert rows[f"{scale} classes with images"] == [*map(str, found), str(total), str(total)]
    assert rows["mammal"] == ["dog", "bear", "4 of 4"]


def test_partial_build_lists_what_is_missing(tmp_path):
    folder = build_folder(tmp_path, sources=[CLASSES[0], CLASSES[2]])
    source = tmp_path / "tars"
    shutil.copy(source / f"{CLASSES[2].fine_id}.tar", source / f"{CLASSES[3].fine_id}.tar")  # contradicting duplicates
    tiny = load_manifest(str(tmp_path / "tiny"))
    build(tiny, BuildOptions("imagenet-21k", folder, source, limit=5, jobs=1))
    _, body = parts(folder)
    rows = tables(body)
    assert rows["fine classes with images"] == ["1", "0", "0", "1", "8"]
    assert rows["`conflicting-duplicate`"] == ["5", STATUS_BY_NAME["conflicting-duplicate"].meaning]
    assert rows["`over-limit`"][0] == "3"
    assert (rows["mammal"], rows["bird"]) == (["dog", "", "1 of 4"], ["", "", "0 of 4"])
    assert "7 of the 8 fine classes have no images here" in body
    assert "At most 5 images of each fine class were taken" in body
    assert "splits: train\n" in body


def test_resizing_is_stated(tmp_path):
    folder = build_folder(tmp_path)
    tiny = load_manifest(str(tmp_path / "tiny"))
    assert "bytes are those of the source, unchanged" in parts(folder)[1]
    build(tiny, BuildOptions("imagenet-21k", folder, tmp_path / "tars", shorter_side_px=32, jobs=1))
    assert "shorter side of 32 px" in parts(folder)[1]
    assert "unchanged" not in parts(folder)[1]


@pytest.mark.parametrize("source", SOURCES)
def test_card_has_licence_and_terms_of_its_source(write_card, source):
    fields, body = write_card(source)
    source_terms = terms.load(source)
    assert fields["license"] == source_terms.license.lower()
    assert ("license_name" in fields) == (fields["license"] == "other")
    assert re.sub(r"\\", "", plain(source_terms.conditions)) in re.sub(r"\\", "", body)
    assert f"may {'be' if source_terms.redistribute else '**not** be'} published again" in body
    assert (f"<{source_terms.url}>" in body) == bool(source_terms.url)
    assert "<>" not in body
    assert source_terms.citation.strip() in body
    assert ("drawn by a program" in body) == (source == "sample") == ("synthetic" in fields["tags"])
    assert fields["source_datasets"] == (["original"] if source == "sample" else [f"extended|{source}"])


ASKED = [
    *("Evaluation", "Data collection", "Preprocessing", "Annotation", "Use cases", "Limitations", "Biases"),
    *("Personal and sensitive information", "Social impact", "Maintenance"),
]


@pytest.mark.parametrize("source", SOURCES)
def test_card_answers_what_croissant_asks(write_card, source):
    _, body = write_card(source)
    sections = dict(part.split("\n", 1) for part in re.split("^## ", body, flags=re.M)[1:])
    assert [name for name in sections if name in ASKED] == ASKED
    assert all(len(sections[name].split()) > 3 for name in ASKED)
    known = terms.load(source).card
    assert known.collection in sections["Data collection"]
    assert known.annotation in sections["Annotation"]
    assert known.people in sections["Personal and sensitive information"]
    nobody_knows = "Whoever publishes this dataset should say it here" in sections["Personal and sensitive information"]
    assert nobody_knows == (source == "url-list")
    assert ("photographs" in sections["Use cases"]) == (source == "sample")


def test_reasons_of_excluded_labels_are_counted(tmp_path):
    folder = build_folder(tmp_path)
    assert "Excluded here" not in parts(folder)[1]
    write_tar(tmp_path / "tars" / f"{WHALE.label}.tar", {f"{i}.JPEG": make_image(7000 + i) for i in range(3)})
    build(load_manifest(str(tmp_path / "tiny")), BuildOptions("imagenet-21k", folder, tmp_path / "tars", jobs=1))
    assert "- 3 images: it looks like a fish" in parts(folder)[1]


def test_dataset_itself_can_be_cited(good_folder):
    fields, body = parts(good_folder)
    entry = body.partition("## How to cite this dataset")[2].partition("## ")[0]
    assert "@misc{tiny-imagenet-21k," in entry
    assert "version 1.0.0, from imagenet-21k" in entry
    assert fields["configs"][0]["description"].removeprefix("content ") in entry


def test_card_without_citations_has_no_empty_block(write_card):
    assert "Citation" not in write_card(bib="")[1]
    _, body = write_card(bib="@misc{a, title={A}}\n")
    assert body.endswith("## Citation\n\n```bibtex\n@misc{a, title={A}}\n```\n")


def test_printed_snippet_runs(good_folder):
    _, body = parts(good_folder)
    (snippet,) = re.findall(r"```python\n(.*?)```", body, re.DOTALL)
    found = {}
    exec(snippet.replace("PATH", str(good_folder)), found)
    assert list(found["images"]) == list(SPLITS)
    assert len(found["classes"]) == len(CLASSES)


def test_every_folder_has_its_citation(good_folder, write_card, changeable):
    _, body = parts(good_folder)
    entries = [block.strip() for block in re.findall(r"```bibtex\n(.*?)```", body, re.DOTALL)]
    assert len(entries) == 2
    assert DatasetFolder.open(good_folder).citation == "\n\n".join(entries)
    write_card(bib="")
    assert DatasetFolder.open(changeable).citation.startswith("@misc{tiny-sample,")


def test_features_are_those_of_the_files(good_folder):
    fields, _ = parts(good_folder)
    for info, stem in zip(fields["dataset_info"], ("data/train", "hierarchy/train"), strict=True):
        (path,) = good_folder.glob(f"{stem}-*")
        kinds = Features._from_yaml_list(info["features"])
        assert kinds == Features.from_arrow_schema(pq.read_schema(path))
        assert load_dataset(str(good_folder), info["config_name"])["train"].features == kinds


def test_streaming_knows_features_without_data_files(changeable):
    usual = load_dataset(str(changeable))["train"].features
    for path in changeable.glob("data/*"):
        path.write_bytes(b"")
    assert load_dataset(str(changeable), streaming=True)["train"].features == usual


def test_very_many_class_names_stay_in_the_data_files(changeable, write_card, monkeypatch):
    usual = load_dataset(str(changeable))["train"].features
    monkeypatch.setattr(card, "MAX_FEATURES_LETTERS", 100)
    fields, _ = write_card()
    default, hierarchy = fields["dataset_info"]
    assert "features" not in default
    assert "features" in hierarchy
    assert load_dataset(str(changeable), streaming=True)["train"].features == usual


def test_lost_row_is_noticed_on_loading(changeable, tmp_path):
    (path,) = changeable.glob("data/query-*")
    table = pq.read_table(path)
    pq.write_table(table.slice(0, len(table) - 1), path)
    with pytest.raises(NonMatchingSplitsSizesError):  # a cache of its own: `datasets` finds caches by the card
        load_dataset(str(changeable), cache_dir=str(tmp_path / "cache"))


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a\n\n# Heading\n\n---\nlicense: mit\n---\n",
    "![pixel](https://tracker.example/p.png) [x](javascript:alert(1))",
    "`code` ``` ~~~ | cell | $x$ *a* _b_ **c**",
    "a <b>b</b> &lt;i&gt; \\",
    "\x07\x1b[2J\u202eevil",
    "quotes \" ' : # {} [] !!python/object:os.system &a *a",
]


def toml_of(title, description, version):
    texts = {"Tiny animals": title, "For tests.": description, "1.0.0": version}
    toml = TOML
    for usual, text in texts.items():
        quoted = "".join(c if c.isalnum() or c == " " else f"\\U{ord(c):08X}" for c in text)
        toml = toml.replace(f'"{usual}"', f'"{quoted}"')
    return toml


def shown(body):
    """The kinds of all Markdown elements, and the text that a reader sees."""
    tokens = [t for token in MARKDOWN.parse(body) for t in (token, *(token.children or []))]
    texts = [t.content for t in tokens if t.type in ("text", "text_special", "code_inline", "fence")]
    return [t.type for t in tokens if not t.type.startswith(("text", "softbreak"))], "".join(texts)


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_a_manifest_become_nothing_else(write_card, text):
    usual, _ = shown(write_card()[1])
    fields, body = write_card(toml=toml_of(text, text, text))
    kinds, seen = shown(body)
    assert kinds == usual
    assert seen.count("".join(c for c in " ".join(text.split()) if c >= " " and c != "\x7f").strip()) >= 3
    assert fields["pretty_name"] == f"{text} (sample)"
    assert fields["license"] == "cc0-1.0"


@pytest.mark.parametrize("start", ["- a", "+ a", "1. a", "1) a", "# a", "> a", "===", "---", "    code", "| a | b |"])
def test_description_is_one_paragraph(write_card, start):
    usual, _ = shown(write_card()[1])
    kinds, seen = shown(write_card(toml=toml_of("t", start, "1"))[1])
    assert kinds == usual
    assert start.strip() in seen


@pytest.mark.parametrize("bib", ["```\n<script>alert(1)</script>\n# x\n", "`````\n", "~~~\n<b>", "@misc{a}\n````"])
def test_citations_stay_in_their_block(write_card, bib):
    usual, _ = shown(write_card()[1])
    kinds, seen = shown(write_card(bib=bib)[1])
    assert kinds == usual
    assert seen.endswith(bib.strip() + "\n")


def test_names_of_classes_become_nothing_else(tmp_path):
    def renamed(c, middle):
        return replace(c, middle=f"{middle}{c.middle}", coarse=f"{middle}{c.coarse}")

    usual, _ = shown(parts(build_folder(tmp_path / "usual"))[1])
    for number, text in enumerate(["<script>x</script>", "[x](javascript:y) ", "a | b ", "`c` ", "# - "]):
        folder = build_folder(tmp_path / str(number), classes=[renamed(c, text) for c in CLASSES])
        kinds, seen = shown(parts(folder)[1])
        assert kinds == usual
        assert f"{text}dog" in seen


def test_long_list_of_middle_classes_is_cut():
    rows = [
        {"coarse_id": "c", "coarse": "bird", "middle_id": f"m{i:03}", "middle": f"family {i}", "fine_id": f"f{i}"}
        | {"split": "train", "train": 1, "query": 0, "gallery": 0}
        for i in range(40)
    ]
    (row,) = (line for line in card_sections.classes_table(rows).splitlines() if "bird" in line)
    assert "family 23 and 16 more" in row
    assert "family 24" not in row


@pytest.mark.parametrize(
    ("images", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (999_999, "100K<n<1M"), (1_000_000, "1M<n<10M")],
)
def test_size_categories_are_those_of_the_hub(images, category):
    assert card.size_category(images) == category
