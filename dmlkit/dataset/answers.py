"""The sections of the card that answer what a Croissant file with responsible-AI fields asks for.

docs/hub.md says which section answers which field. A section says what dmlkit knows; where only the source or the
person who publishes can know it, it says that.
"""

from __future__ import annotations

from collections.abc import Sequence

from dmlkit.terms import CardTexts

NOT_KNOWN = "The source does not say, and dmlkit does not know. Whoever publishes this dataset should say it here."
IMPACT = """None is known to dmlkit beyond that of image retrieval at large. Whoever publishes this dataset knows
what it is for, and should say it here."""
MAINTENANCE = """On the hub each version is a tag that never moves, and `SHA256SUMS` has the hash of every file. A
mistake in a label, or an image that must go, is put right in the manifest or the source and published under a higher
version. Whoever published the dataset answers for it: ask in the discussions of its page."""
EVALUATION = """Every image of `query` searches `gallery` by cosine similarity, at each scale for the images with
its own label there. Of one query with *R* matches, with P(n) the precision of the first n images found:

| metric | of one query |
|---|---|
| `mAP` | mean of P(n) over the places n of its matches, in the whole ranking |
| `ASI` | mean of P(n) over n = 1 … R |
| `R@k` | 1 if a match is among the first k, else 0 |

Each is a mean over the queries; `overall` is the mean of the three scales. A query never finds itself, and one
without a match in the gallery is left out. Choose settings on classes of `train` that are held back, not on the test.

```bash
dmlkit evaluate RUN DATASET              # a run of dmlkit train
dmlkit evaluate embeddings.npz DATASET   # embeddings and image ids of any model
```

The exact definitions, ties and metrics of all levels at once: `docs/protocol.md` of dmlkit."""


RESEARCH = """To train and to measure image retrieval and metric learning at several semantic scales, in research. Not
to decide anything about people, and no proof that a model works on other images: measure it where it is used."""
DRAWN = """To try out tools for retrieval and metric learning at several semantic scales. Figures measured on drawn
images say nothing about photographs."""


def responsible(texts: CardTexts, version: str, drawn: bool, limits: Sequence[str]) -> list[str]:
    """The sections on use, limits, biases, people, impact and maintenance. ``limits``: what a user must know."""
    return [
        "## Use cases",
        DRAWN if drawn else RESEARCH,
        "## Limitations",
        "\n".join(f"- {line}" for line in limits),
        "## Biases",
        texts.biases or NOT_KNOWN,
        "" if drawn else "How many images a class has follows the source: `hierarchy` has the numbers.",
        "## Personal and sensitive information",
        texts.people or NOT_KNOWN,
        "" if drawn else "dmlkit looked for none and removed none.",
        "## Social impact",
        texts.impact or IMPACT,
        "## Maintenance",
        f"This is version {version}. {MAINTENANCE}",
    ]
