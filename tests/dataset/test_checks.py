"""Every contradiction in the content of a dataset folder is found by its own check, and by no other."""

import pandas as pd
import pytest

from dmlkit.dataset.credits import write_attribution
from dmlkit.dataset.tables import read_front_matter
from dmlkit.dataset.validate import validate
from dmlkit.errors import UnreadableDatasetError
from dmlkit.schema.scales import SCALES
from tests.support.faults import (
    HTML,
    QUERY,
    Planted,
    Tables,
    codes,
    edit_build,
    edit_hierarchy,
    edit_rows,
    edit_yaml,
    put,
    reject,
    write_sums,
)

planted = Planted()

# The card

BOMB = "a: &a [x]\n" + "".join(
    f"{n}: &{n} [{', '.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "card",
    [
        b"",
        b"# A card without YAML\n",
        b"# First a title\n---\nlicense: mit\n---\n",
        b"---\nlicense: mit\n",
        b"---\n- license\n---\n",
        b"---\nlicense: [\n---\n",
        b"---\nlicense: mit\nlicense: other\n---\n",
        b"---\nx: " + b"[" * 5000 + b"\n---\n",
        b"---\nlicense: \xff\n---\n",
        b"---\n" + BOMB.encode() + b"---\n",
        b"---\n" + b"x: 1\n" * 200_000 + b"---\n",
        b"---\nlicense: mit\n---\n" + b"x" * 50_000_000,
    ],
    ids=range(12),
)
def test_card_without_yaml_is_refused(tmp_path, card):
    (tmp_path / "README.md").write_bytes(card)
    with pytest.raises(UnreadableDatasetError) as error:
        read_front_matter(tmp_path, "README.md")
    assert (error.value.code, error.value.facts["name"]) == ("dataset.bad-card", "README.md")


for text in (
    b"# A card without YAML\n",
    b"---\nlicense: mit\n---\n",
    b"---\nconfigs: 3\n---\n",
    b"---\nconfigs: [x]\n---\n",
):

    @planted.in_files("E203")
    def the_card_has_no_usable_yaml(folder, text=text):
        (folder / "README.md").write_bytes(text)


def first_config(fields):
    return fields["configs"][0]["data_files"]


for change in (
    lambda fields: first_config(fields).pop(),
    lambda fields: first_config(fields)[0].update(path="data/*.parquet"),
    lambda fields: first_config(fields)[0].update(path="data/training-*"),
    lambda fields: first_config(fields)[0].update(path="/etc/*"),
    lambda fields: first_config(fields)[0].update(path="../**/*.parquet"),
    lambda fields: first_config(fields)[0].update(path=""),
    lambda fields: first_config(fields)[0].update(path=[]),
    lambda fields: first_config(fields)[0].update(path=5),
    lambda fields: fields["configs"].pop(),
    lambda fields: fields["configs"][0].update(config_name="images"),
    lambda fields: fields["configs"][0].update(data_files="data/*"),
    lambda fields: fields.pop("license"),
    lambda fields: fields.update(dataset_info=[{"splits": [{"name": "train"}]}]),
):

    @planted.in_files("E203")
    def the_card_names_other_files_or_no_licence(folder, change=change):
        edit_yaml(folder, change)


for change in (
    lambda fields: fields["dataset_info"][0]["splits"][0].update(num_examples=25),
    lambda fields: fields["dataset_info"][1]["splits"][0].update(num_examples="8"),
    lambda fields: fields["dataset_info"][0]["splits"].append({"name": "validation", "num_examples": 1}),
    lambda fields: fields.update(dataset_info={"splits": [{"name": "train", "num_examples": 0}]}),
    lambda fields: fields.update(size_categories=["1M<n<10M"]),
):

    @planted.in_files("E207")
    def a_number_of_the_card_is_wrong(folder, change=change):
        edit_yaml(folder, change)


for change in (
    lambda fields: fields["dataset_info"][0]["features"].pop(),
    lambda fields: fields["dataset_info"][0].update(features=[]),
    lambda fields: fields["dataset_info"][1].update(features=None),
):

    @planted.in_files("E209")
    def the_features_of_the_card_are_others(folder, change=change):
        edit_yaml(folder, change)


@planted.in_files("W504")
def the_card_has_a_licence_that_the_source_does_not_give(folder):
    edit_yaml(folder, lambda fields: fields.update(license="mit"))


# Counts, values and ids

for change in (
    lambda facts: facts["images"].update(train=25),
    lambda facts: facts["statuses"].update(ok=47),
    lambda facts: facts["statuses"].update(truncated=1),
    lambda facts: facts["coverage"]["middle"].update(of=5, floor=0.5),
    lambda facts: facts["coverage"]["fine"].update(found=7, floor=0.5),
):

    @planted.in_files("E204")
    def a_number_of_build_json_is_wrong(folder, change=change):
        edit_build(folder, change)


for values in (
    {"fine": None},
    {"middle": -1},
    {"coarse": 2},
    {"fine": 8},
    {"image_id": None},
    {"upstream_label": None},
    {"source_url": None},
    {"license": None},
    {"author": None},
    {"source": None},
    {"exif_orientation": 0},
    {"exif_orientation": 9},
):

    @planted.in_files("E205")
    def a_value_of_a_row_is_missing_or_impossible(folder, values=values):
        edit_rows(folder / QUERY, lambda rows: rows[2].update(values))


@planted.in_files("E105", "E205")
def a_sum_is_missing(folder):
    edit_rows(folder / QUERY, lambda rows: rows[2].update(sha256=None))


@planted.in_files("E106", "E205")
def a_width_is_missing(folder):
    edit_rows(folder / QUERY, lambda rows: rows[2].update(width=None))


for values in ({"fine_id": None}, {"middle_label": None}, {"split": None}, {"split": "validation"}, {"query": None}):

    @planted.in_files("E205")
    def a_value_of_the_hierarchy_is_missing_or_impossible(folder, values=values):
        edit_hierarchy(folder, lambda rows: rows[2].update(values))


@planted.in_rows("E206")
def an_image_id_stands_twice(tables):
    tables.train[1]["image_id"] = tables.train[0]["image_id"]


@planted.in_rows("E208")
def an_image_id_lacks_its_source(tables):
    tables.train[0]["image_id"] = "n01110001_99"


@planted.in_rows("E208")
def a_image_is_of_another_source(tables):
    tables.train[0] |= {"image_id": "elsewhere/n01110001_99", "source": "elsewhere"}


# The hierarchy


@planted.in_files("E301")
def a_class_stands_twice_in_the_hierarchy(folder):
    edit_hierarchy(folder, lambda rows: rows.append(rows[0]))


@planted.in_files("E301", "E303")
def a_class_is_missing_in_the_hierarchy(folder):
    edit_hierarchy(folder, lambda rows: rows.pop())


@planted.in_files("E301")
def two_names_are_exchanged_in_the_hierarchy(folder):
    def exchange(rows):
        rows[0]["fine"], rows[1]["fine"] = rows[1]["fine"], rows[0]["fine"]

    edit_hierarchy(folder, exchange)


@planted.in_files("E301", "E305")
def two_integer_labels_are_exchanged_in_the_hierarchy(folder):
    def exchange(rows):
        rows[0]["fine_label"], rows[1]["fine_label"] = rows[1]["fine_label"], rows[0]["fine_label"]

    edit_hierarchy(folder, exchange)


@planted.in_files("E302", "E303")
def a_middle_class_has_two_parents(folder):
    def give(rows):
        rows[0] |= {name: rows[-1][name] for name in ("coarse_id", "coarse", "coarse_label")}

    edit_hierarchy(folder, give)


@planted.in_files("E302")
def a_path_does_not_lead_to_its_class(folder):
    edit_hierarchy(folder, lambda rows: rows[0].update(path="n02000001:bird > n01110001:dog 1"))


@planted.in_rows("E303")
def a_middle_label_is_not_that_of_the_fine_class(tables):
    dog, owl = tables.of("train", 0)[0], tables.of("train", 4)[0]
    dog["middle"] = owl["middle"]


@planted.in_rows("E303")
def a_coarse_label_is_not_that_of_the_fine_class(tables):
    tables.query[0]["coarse"] = 1 - tables.query[0]["coarse"]


@planted.in_files("E304")
def a_count_of_the_hierarchy_is_wrong(folder):
    edit_hierarchy(folder, lambda rows: rows[0].update(train=rows[0]["train"] + 1))


@planted.in_rows("E305")
def the_labels_of_two_images_are_exchanged(tables):
    one, other = tables.of("train", 0)[0], tables.of("train", 4)[0]
    for scale in SCALES:
        one[scale], other[scale] = other[scale], one[scale]


@planted.in_files("E305")
def the_hierarchy_has_another_upstream_label(folder):
    edit_hierarchy(folder, lambda rows: rows[0].update(upstream_labels=["n01110001", "n09999999"]))


# Splits and leaks


@planted.in_rows("E401", "E402")
def a_query_is_moved_to_train(tables):
    tables.train.append(tables.query.pop())


@planted.in_rows("E401", "E402")
def a_training_image_is_moved_to_the_gallery_and_another_to_the_queries(tables):
    tables.gallery.append(tables.of("train", 0)[0])
    tables.query.append(tables.of("train", 0)[1])
    tables.train = [row for row in tables.train if row not in (tables.gallery[-1], tables.query[-1])]


@planted.in_rows("E401")
def a_class_is_declared_for_the_other_side(tables):
    next(c for c in tables.classes if c["fine"] == "bear 1")["split"] = "train"


@planted.in_rows("E402")
def the_fine_classes_of_one_middle_class_are_on_both_sides(tables):
    bear = next(c for c in tables.classes if c["fine"] == "bear 1")
    bear["split"] = "train"
    for rows in (tables.query, tables.gallery):
        tables.train += [row for row in rows if row["fine"] == bear["fine_label"]]
        rows[:] = [row for row in rows if row["fine"] != bear["fine_label"]]


@planted.in_rows("E403")
def a_class_has_queries_and_no_gallery(tables):
    fine = tables.gallery[0]["fine"]
    tables.query += tables.of("gallery", fine)
    tables.gallery = [row for row in tables.gallery if row["fine"] != fine]


@planted.in_rows("E404")
def a_test_class_has_no_query(tables):
    fine = tables.query[0]["fine"]
    tables.gallery += tables.of("query", fine)
    tables.query = [row for row in tables.query if row["fine"] != fine]


@planted.in_rows("E203", "E404")
def the_queries_are_a_file_of_no_rows(tables):
    tables.gallery += tables.query
    tables.query = []


@planted.in_rows("E405")
def a_image_stands_in_train_and_in_the_gallery(tables):
    put(tables.gallery[0], tables.train[0]["image"]["bytes"])


@planted.in_rows("E406")
def a_image_stands_twice_in_train(tables):
    put(tables.train[0], tables.train[1]["image"]["bytes"])


@planted.in_rows("E406")
def a_image_is_query_and_in_the_gallery(tables):
    put(tables.gallery[0], tables.query[0]["image"]["bytes"])


@planted.in_files("W505")
def the_official_release_has_a_image_in_train_and_in_the_gallery(folder):
    tables = Tables(folder)
    put(tables.gallery[0], tables.train[0]["image"]["bytes"])
    tables.save()
    edit_build(folder, lambda facts: facts.update(release={"name": "dyml-animal", "official": True}))


@planted.in_rows("E407")
def a_image_is_in_and_rejected_as_a_duplicate(tables):
    row = tables.train[0]
    tables.rejected.append(reject(row["image_id"], row["upstream_label"], "duplicate", duplicate_of=row["image_id"]))


@planted.in_rows("E409")
def a_duplicate_names_no_image(tables):
    tables.rejected.append(reject("imagenet-21k/n01110001_99", "n01110001", "duplicate"))


@planted.in_rows("E205")
def a_text_of_a_rejected_is_null(tables):
    tables.rejected.append(reject("imagenet-21k/n01110001_99", "n01110001", "excluded") | {"detail": None})


@planted.in_rows("E408")
def a_status_is_unknown(tables):
    tables.rejected.append(reject("imagenet-21k/n01110001_99", "n01110001", "blurry"))


@planted.in_rows("E204", "E408")
def a_status_is_missing(tables):
    tables.rejected.append(reject("imagenet-21k/n01110001_99", "n01110001", None))


@planted.in_rows("E204", "E408")
def a_rejected_image_is_ok(tables):
    tables.rejected.append(reject("imagenet-21k/n01110001_99", "n01110001", "ok"))


# Attribution and terms

AUTHOR = {"author": "A. Painter", "license": "CC-BY-4.0", "source_url": "https://example.org/1"}


@planted.in_rows("W501")
def an_author_is_not_in_attribution_csv(tables):
    tables.train[0] |= AUTHOR


for text in (
    b"image_id,author,license,source_url\n{id},A. Painter,CC0-1.0,https://example.org/1\n",
    b"image_id,author,license,source_url\n{id},A. Painter,CC-BY-4.0,https://example.org/1\nx,y,z,\n",
    b"image_id,author\n{id},A. Painter\n",
    b"",
    b"\xff\xfe\x00",
    HTML,
    b'image_id,author,license,source_url\n"' + b"x" * 1_000_000,
):

    @planted.in_rows("W501")
    def attribution_csv_says_something_else(tables, text=text):
        tables.train[0] |= AUTHOR
        text = text.replace(b"{id}", tables.train[0]["image_id"].encode())
        (tables.folder / "ATTRIBUTION.csv").write_bytes(text)


@planted.in_rows("W502")
def an_author_and_no_licence(tables):
    tables.train[0] |= AUTHOR | {"license": ""}
    text = f"image_id,author,license,source_url\n{tables.train[0]['image_id']},A. Painter,,https://example.org/1\n"
    (tables.folder / "ATTRIBUTION.csv").write_text(text)


@planted.in_rows("W503")
def a_class_has_lost_its_images(tables):
    fine = tables.train[0]["fine"]
    tables.train = [row for row in tables.train if row["fine"] != fine]


@pytest.mark.parametrize(("plant", "expected"), planted.params)
def test_planted_fault_is_found_alone(changeable, plant, expected):
    plant(changeable)
    assert codes(changeable) == expected


@pytest.mark.parametrize("status", ["repeated-id", "truncated", "over-limit"])
def test_second_candidate_of_a_name_is_no_fault(changeable, status):
    tables = Tables(changeable)
    for row in (tables.train[0], tables.query[0]):
        tables.rejected.append(reject(row["image_id"], row["upstream_label"], status))
    tables.save()
    write_sums(changeable)
    assert codes(changeable) == set()


def test_rejected_id_under_another_label_is_no_fault(changeable):
    tables = Tables(changeable)
    tables.rejected.append(reject(tables.train[0]["image_id"], "n09999999", "excluded"))
    tables.save()
    write_sums(changeable)
    assert codes(changeable) == set()


def test_authors_in_attribution_are_no_fault(changeable):
    tables = Tables(changeable)
    authors = ['Zoë "Z" O\'Neill, Jr.', "NA", "=1+1", "two\nlines", "a\rb", "<b>", "null"]
    for row, author in zip(tables.train, authors, strict=False):
        row |= AUTHOR | {"author": author, "source_url": ""}
    tables.save()
    write_attribution(changeable, pd.DataFrame(tables.train))
    write_sums(changeable)
    assert codes(changeable) == set()


def test_card_without_row_counts_is_no_fault(changeable):
    edit_yaml(changeable, lambda fields: fields.pop("dataset_info"))
    write_sums(changeable)
    assert codes(changeable) == set()


def test_leak_names_its_images(changeable):
    tables = Tables(changeable)
    put(tables.gallery[0], tables.train[0]["image"]["bytes"])
    tables.save()
    write_sums(changeable)
    (finding,) = validate(changeable)
    assert tables.train[0]["image_id"] in finding.message
    assert tables.gallery[0]["image_id"] in finding.message
