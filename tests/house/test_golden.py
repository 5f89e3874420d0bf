"""The same input gives the same bytes as when the lists of `tests.house.golden` were written."""

import os

import pytest

from tests.house import golden
from tests.support.samples import NAMES, shared_sample


@pytest.fixture(autouse=True)
def same_libraries():
    """Skip where other versions of libraries may write other bytes; in CI that is a failure."""
    recorded, here = golden.VERSIONS.read_text(), golden.library_versions()
    if recorded == here:
        return
    here_only = sorted(set(here.splitlines()) - set(recorded.splitlines()))
    message = f"the sums are of other versions than these: {', '.join(here_only)}; see tests/house/golden.py"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def check(kind, folder):
    recorded = (golden.FOLDER / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    changed = set(recorded) ^ set(golden.list_sums(folder).splitlines())
    message = "if the change of bytes is meant: python -m tests.house.golden"
    assert sorted({line.partition("  ")[2] for line in changed}) == [], message


@pytest.mark.slow  # draws 4,200 images
@pytest.mark.parametrize("name", NAMES)
def test_samples_have_the_same_bytes(name, tmp_path_factory):
    check(name, shared_sample(name, tmp_path_factory))


@pytest.mark.parametrize("kind", golden.KINDS[len(NAMES) :])
def test_conversions_have_the_same_bytes(kind, good_folder, tmp_path):
    check(kind, golden.convert(kind, good_folder, tmp_path))
