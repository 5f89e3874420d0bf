"""The split of classes that a source's own files name: by hash, every middle class on one side."""

import random

import pytest

from dmlkit.taxonomy.manifest import FineClass
from dmlkit.taxonomy.splits import middle_classes_held_out, open_set_split


def classes(sizes):
    """``sizes``: coarse → middle → number of fine classes."""
    return [
        FineClass(f"{middle}-{n}", f"{middle} {n}", middle, middle, coarse, coarse, "", "")
        for coarse, middles in sizes.items()
        for middle, number in middles.items()
        for n in range(number)
    ]


CARS = {
    "sedan": {f"sedan-{n}": n % 7 + 1 for n in range(30)},
    "suv": {"suv-a": 90, "suv-b": 40},
    "coupe": {"coupe-a": 5},
    "bus": {"bus-a": 3, "bus-b": 4},
}


def sides(classes):
    return {c.middle_id: c.split for c in classes}


def test_coarse_class_of_the_test_is_not_trained_on():
    assert {c.split for c in open_set_split(classes(CARS), 0.2, ["bus"]) if c.coarse_id == "bus"} == {"test"}


def test_other_coarse_classes_are_on_both_sides():
    split = open_set_split(classes(CARS), 0.2, ["bus"])
    sides_of_coarse = {coarse: {c.split for c in split if c.coarse_id == coarse} for coarse in CARS}
    assert sides_of_coarse == {
        "sedan": {"train", "test"},
        "suv": {"train", "test"},
        "coupe": {"train"},
        "bus": {"test"},
    }


def test_smallest_middle_class_is_held_out_at_least():
    assert sides(open_set_split(classes({"suv": CARS["suv"]}), 0.1, [])) == {"suv-a": "train", "suv-b": "test"}


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_held_out_classes_are_at_most_the_share(share):
    split = open_set_split(classes({"sedan": CARS["sedan"]}), share, [])
    held_out = sum(c.split == "test" for c in split) / len(split)
    assert share - 0.06 < held_out <= share


def test_order_of_classes_does_not_change_the_split():
    shuffled = classes(CARS)
    random.Random(1).shuffle(shuffled)
    assert sides(open_set_split(shuffled, 0.2, ["bus"])) == sides(open_set_split(classes(CARS), 0.2, ["bus"]))


def test_new_coarse_class_does_not_change_the_split():
    before = sides(open_set_split(classes(CARS), 0.2, ["bus"]))
    after = sides(open_set_split(classes(CARS | {"van": {"van-a": 3, "van-b": 2}}), 0.2, ["bus"]))
    assert {middle: after[middle] for middle in before} == before


@pytest.mark.parametrize("share", [0, 0.99])
def test_neither_side_is_empty_for_any_share(share):
    for number in range(2, 9):
        taken = middle_classes_held_out({f"m{n}": n + 1 for n in range(number)}, share)
        assert 0 < len(taken) < number
