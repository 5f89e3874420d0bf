"""Texts that every card has. docs/hub.md says which section answers which question of a Croissant file."""

from __future__ import annotations

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
SYNTHETIC = """To try out tools for retrieval and metric learning at several semantic scales. Figures measured on drawn
images say nothing about photographs."""
COLUMNS = """| column | meaning |
|---|---|
| `image` | the image, RGB, upright |
| `image_id` | `<source>/<upstream id>`, unique and stable |
| `fine`, `middle`, `coarse` | class labels; the integers are the places of the class ids in sorted order |
| `upstream_label` | what the source says of the image |
| `width`, `height` | pixels, after the EXIF orientation is applied |
| `exif_orientation` | the EXIF orientation of the source's file, 1 where it has none |
| `sha256` | of the image's bytes as they stand here |
| `source`, `source_url`, `license`, `author` | where it comes from, as far as the source says |"""
