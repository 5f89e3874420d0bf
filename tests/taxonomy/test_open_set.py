"""The split of classes that a source's own files name: by hash, every middle class on one side."""

import random

import pytest

from dmlkit.taxonomy.manifest import FineClass
from dmlkit.taxonomy.splits import middle_classes_held_out, open_set_split


def classes(sizes):
    """``sizes``: coarse → middle → number of fine classes."""
    return [
        FineClass(f"{middle}-{n}", f"{middle} {n}", middle, middle, coarse, coarse, "", "")
        for coarse, of in sizes.items()
        for middle, number in of.items()
        for n in range(number)
    ]


CARS = {
    "sedan": {f"sedan-{n}": n % 7 + 1 for n in range(30)},
    "suv": {"suv-a": 90, "suv-b": 40},
    "coupe": {"coupe-a": 5},
    "bus": {"bus-a": 3, "bus-b": 4},
}


def sides(found):
    return {c.middle_id: c.split for c in found}


def test_a_coarse_class_of_the_test_alone_is_not_trained_on():
    assert {c.split for c in open_set_split(classes(CARS), 0.2, ["bus"]) if c.coarse_id == "bus"} == {"test"}


def test_every_other_coarse_class_with_several_middle_classes_is_on_both_sides():
    found = open_set_split(classes(CARS), 0.2, ["bus"])
    of = {coarse: {c.split for c in found if c.coarse_id == coarse} for coarse in CARS}
    assert of == {"sedan": {"train", "test"}, "suv": {"train", "test"}, "coupe": {"train"}, "bus": {"test"}}


def test_where_no_middle_class_is_small_enough_the_smallest_is_in_the_test():
    assert sides(open_set_split(classes({"suv": CARS["suv"]}), 0.1, [])) == {"suv-a": "train", "suv-b": "test"}


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_the_test_holds_about_its_share_and_never_more(share):
    found = open_set_split(classes({"sedan": CARS["sedan"]}), share, [])
    held = sum(c.split == "test" for c in found) / len(found)
    assert share - 0.06 < held <= share


def test_neither_the_order_of_classes_nor_a_new_one_elsewhere_changes_the_split():
    given = classes(CARS)
    random.Random(1).shuffle(given)
    found = sides(open_set_split(given, 0.2, ["bus"]))
    assert found == sides(open_set_split(classes(CARS), 0.2, ["bus"]))
    more = sides(open_set_split(classes(CARS | {"van": {"van-a": 3, "van-b": 2}}), 0.2, ["bus"]))
    assert {middle: more[middle] for middle in found} == found


@pytest.mark.parametrize("share", [0, 0.99])
def test_whatever_the_share_neither_side_is_empty(share):
    for number in range(2, 9):
        taken = middle_classes_held_out({f"m{n}": n + 1 for n in range(number)}, share)
        assert 0 < len(taken) < number
