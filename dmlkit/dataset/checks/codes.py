"""The codes of what can be wrong with a dataset folder: one table, from which the documentation is generated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from dmlkit.text import printable

# Characters of one finding's message: what is in a broken file can be long.
MAX_CHARACTERS = 500


@dataclass(frozen=True)
class CheckCode:
    """A kind of fault. ``module`` is the module of `dmlkit.dataset.checks` that finds it."""

    code: str
    meaning: str
    module: Literal["files", "card", "tables", "rejected", "images"]

    @property
    def severity(self) -> Literal["error", "warning"]:
        """Whether a folder with this fault is not valid, or only unusual."""
        return "error" if self.code.startswith("E") else "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its code, the file or part, and what is wrong there."""

    code: str
    where: str
    message: str

    def printable(self) -> Finding:
        """Return the same on one line of bounded length, without what could steer a terminal."""
        message = printable(self.message)
        if len(message) > MAX_CHARACTERS:
            message = message[:MAX_CHARACTERS] + " ..."
        return replace(self, where=printable(self.where), message=message)


# In the order of the codes. Where a part cannot be read or a value is missing, the checks that compare it with others
# wait until that is mended.
CODES = (
    CheckCode("E101", "a file that must be there is missing, or cannot be read", "files"),
    CheckCode("E102", "a file is not listed in SHA256SUMS", "files"),
    CheckCode("E103", "a file's bytes differ from SHA256SUMS", "files"),
    CheckCode("E104", "build.json is of another format, or not what dmlkit writes", "tables"),
    CheckCode("E105", "an image's bytes do not match its row (sha256)", "images"),
    CheckCode("E106", "an image does not decode, or has another size or orientation than its row says", "images"),
    CheckCode(
        "E107", "something that does not belong here: a link, or a file of another name in data/ or hierarchy/", "files"
    ),
    CheckCode("E201", "a Parquet file cannot be read", "tables"),
    CheckCode("E202", "the columns or class names are not those of a dataset folder", "tables"),
    CheckCode("E203", "the card's YAML is broken, or does not name the files of each split", "card"),
    CheckCode("E204", "counts of build.json and of the files differ", "tables"),
    CheckCode("E205", "a value is missing or out of its range: a label that names no class, for example", "tables"),
    CheckCode("E206", "an image_id is there twice", "tables"),
    CheckCode("E207", "the numbers in the card's YAML are not those of the files", "card"),
    CheckCode("E208", "an image_id does not begin with its source, or its source is not that of build.json", "tables"),
    CheckCode("E209", "the features in the card's YAML are not those of the files", "card"),
    CheckCode("E301", "a class is there twice in the hierarchy, or its integer label is not its index", "tables"),
    CheckCode("E302", "a class has two parents, or its path does not lead to it", "tables"),
    CheckCode("E303", "an image's middle or coarse label is not that of its fine class", "tables"),
    CheckCode("E304", "the hierarchy's counts are not those of the images", "tables"),
    CheckCode(
        "E305",
        "an upstream label is under two fine classes, or the hierarchy lists others than the images have",
        "tables",
    ),
    CheckCode("E401", "images of a test class are in train, or of a training class in query or gallery", "tables"),
    CheckCode("E402", "a middle class is in training and test", "tables"),
    CheckCode("E403", "a query has no image of its class in the gallery", "tables"),
    CheckCode("E404", "a test class has gallery images and no query", "tables"),
    CheckCode("E405", "the same image is in train and in query or gallery", "tables"),
    CheckCode("E406", "the same image is twice on one side", "tables"),
    CheckCode("E407", "an image is in the dataset and in rejected.parquet", "rejected"),
    CheckCode("E408", "rejected.parquet has an unknown status", "rejected"),
    CheckCode("E409", "a duplicate in rejected.parquet does not name the image it repeats", "rejected"),
    CheckCode("W501", "ATTRIBUTION.csv and the authors of the images differ", "tables"),
    CheckCode("W502", "an image has an author and no licence", "tables"),
    CheckCode("W503", "fewer classes have images than the manifest's minimum coverage asks", "tables"),
    CheckCode("W504", "the card's licence is not that of the source", "card"),
    CheckCode(
        "W505",
        "the official release itself has what would be E302, E403, E404, E405 or E406 in a dataset of our own",
        "tables",
    ),
)


def codes_table() -> str:
    """Render the codes as a Markdown table, for the documentation."""
    rows = [f"| {code.code} | {code.severity} | {code.meaning} |" for code in CODES]
    return "\n".join(["| code | severity | what is wrong |", "|---|---|---|", *rows])
