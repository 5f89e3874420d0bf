"""Stanford Online Products in small: its lists, and every file of its archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.support.images import make_image

TOP = "Stanford_Online_Products"
HEADER = "image_id class_id super_class_id path"
GROUPS = ["bicycle", "cabinet", "chair", "coffee_maker", "fan", "kettle", "lamp", "mug", "sofa", "stapler", "table",
          "toaster"]  # fmt: skip

# A product, the number of its super class, and a path.
Row = tuple[int, int, str]


def list_rows(first: int = 1, products: int = 2, each: int = 3) -> list[Row]:
    """Make rows of products of every super class."""
    rows: list[Row] = []
    for number, group in enumerate(GROUPS):
        for i in range(products):
            product = first + number * products + i
            rows += [(product, number + 1, f"{group}_final/{110_000_000_000 + product}_{k}.JPG") for k in range(each)]
    return rows


TRAIN, TEST = list_rows(), list_rows(11_319, 1)


def list_text(rows: Iterable[Row], header: str = HEADER) -> str:
    """Write a list as the archive has it."""
    lines = [f"{i} {product} {number} {path}" for i, (product, number, path) in enumerate(rows, start=1)]
    return "\n".join(([header] if header else []) + lines) + "\n"


def archive_files(
    train: Sequence[Row] | None = TRAIN, test: Sequence[Row] | None = TEST, header: str = HEADER
) -> dict[str, bytes]:
    """Make every file of the archive in its layout; every fifth image is grey."""
    everything = [*(train or ()), *(test or ())]
    images = {path: make_image(i, mode="L" if i % 5 == 0 else "RGB") for i, (_, _, path) in enumerate(everything)}
    lists = {"Ebay_info.txt": list_text(everything).encode()}
    for name, rows in (("Ebay_train.txt", train), ("Ebay_test.txt", test)):
        if rows is not None:
            lists[name] = list_text(rows, header).encode()
    return {f"{TOP}/{name}": data for name, data in (lists | images).items()}
