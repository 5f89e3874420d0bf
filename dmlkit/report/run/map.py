"""A map of embeddings: each image a point, so that what is near in the embedding is near on the page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlkit.evaluation.labels import UNKNOWN
from dmlkit.schema.scales import SCALES
from dmlkit.training.neighbours import Points

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "triangle-down")
LIGHTNESS, CHROMA = 0.62, 0.15
"""Of the colours of classes: to be seen on light and on dark pages."""
UNKNOWN_COLOUR = "#808080"
FIRST_HUE = 25.0
FEW = 12
"""Up to so many coarse classes have a legend."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Map:
    """Points (P, 2) and how they were found. ``share`` is what PCA's two axes hold of the variance, else None."""

    xy: Floats
    method: str
    share: float | None


def place(vectors: NDArray[np.float32], like: Floats | None = None) -> Map:
    """A map of embeddings (P, D): by UMAP where umap-learn is installed, else by PCA.

    Axes may point either way: they are turned as those of ``like``, a map of the same images, where there is one.
    """
    if find_spec("umap") is not None and len(vectors) > 16:
        found = Map(by_umap(vectors), "UMAP", None)
    else:
        found = by_pca(vectors)
    if like is None:
        return found
    signs = np.where(((found.xy - found.xy.mean(0)) * (like - like.mean(0))).sum(0) < 0, -1.0, 1.0)
    return Map(found.xy * signs, found.method, found.share)


def by_pca(vectors: NDArray[np.float32]) -> Map:
    """The two directions of the largest variance. The largest part of a direction counts as positive."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    values, directions = np.linalg.eigh(centred.T @ centred)
    axes = directions[:, ::-1][:, :2]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    xy = np.zeros((len(vectors), 2))
    xy[:, : axes.shape[1]] = centred @ axes
    total = float(values.sum())
    return Map(xy, "PCA", float(values[::-1][:2].sum() / total) if total > 0 else 1.0)


def by_umap(vectors: NDArray[np.float32]) -> Floats:
    import umap

    found: Floats = umap.UMAP(metric="cosine", random_state=0, n_jobs=1).fit_transform(vectors).astype(np.float64)
    return found


def chart(points: Points, found: Map, names: dict[str, list[str]], scales: Sequence[str]) -> dict[str, Any]:
    """The chart, as `charts.js` draws it: a trace for each class of the coarsest scale, with the colours of ``scales``.

    `run.js` takes the colours of the scale that is asked for from ``meta`` of the traces.
    """
    first = SCALES.index(scales[-1])
    colours = class_colours(points.labels)
    data = []
    for number, label in enumerate(np.unique(points.labels[:, first]).tolist()):
        rows = np.flatnonzero(points.labels[:, first] == label)
        by_scale = {
            s: [colours[SCALES.index(s)][int(label)] for label in points.labels[rows, SCALES.index(s)]] for s in scales
        }
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": names[SCALES[first]][label] if label != UNKNOWN else "unknown",
                "x": rounded(found.xy[rows, 0]),
                "y": rounded(found.xy[rows, 1]),
                "customdata": [[hover(points, row, names)] for row in rows.tolist()],
                "hovertemplate": "%{customdata[0]}<extra></extra>",
                "marker": {
                    "size": 6,
                    "opacity": 0.8,
                    "symbol": SYMBOLS[number % len(SYMBOLS)],
                    "color": colours[first][label],
                },
                "meta": by_scale,
            }
        )
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False, "showline": True, "mirror": True}
    y = bare | {"scaleanchor": "x"}
    return {"data": data, "layout": {"xaxis": bare, "yaxis": y, "showlegend": len(data) <= FEW, "hovermode": "closest"}}


def hover(points: Points, row: int, names: dict[str, list[str]]) -> str:
    """What a point is, in lines. `charts.js` escapes all texts but these: the chart library reads tags in them."""
    labels = zip(SCALES, points.labels[row].tolist(), strict=True)
    known = [names[scale][label] for scale, label in labels if label != UNKNOWN]
    return "<br>".join(html.escape(text, quote=False) for text in (*known, points.ids[row]))


def rounded(values: Floats) -> list[float]:
    """To a thousandth of what the widest maps span: finer than a pixel."""
    return [round(value, 3) + 0.0 for value in values.tolist()]


def class_colours(labels: NDArray[np.int32]) -> list[dict[int, str]]:
    """For each scale, label → colour. Relatives look alike: each coarse class has a part of the circle of hues."""
    tree = np.unique(labels[:, ::-1], axis=0)
    coarse, number = np.unique(tree[:, 0], return_inverse=True)
    within = np.concatenate([(np.arange(n) + 0.5) / n for n in np.bincount(number)])
    hues = (number + 0.15 + 0.7 * within) / len(coarse)
    found = []
    for scale in range(len(SCALES)):
        column = tree[:, len(SCALES) - 1 - scale]
        classes = dict.fromkeys(column.tolist())
        steps = [0.0] if scale == len(SCALES) - 1 else [0.0, 0.09, -0.09]
        colours = {
            label: colour(LIGHTNESS + steps[place % len(steps)], float(hues[column == label].mean()))
            for place, label in enumerate(classes)
        }
        found.append(colours | {UNKNOWN: UNKNOWN_COLOUR})
    return found


def colour(lightness: float, hue: float) -> str:
    """A colour of OKLCH, in which equal lightness looks equally light; ``hue`` is a share of the circle."""
    angle = np.radians(FIRST_HUE + 360 * hue)
    a, b = CHROMA * np.cos(angle), CHROMA * np.sin(angle)
    to_cones = np.array([[1, 0.3963378, 0.2158038], [1, -0.1055613, -0.0638542], [1, -0.0894842, -1.2914855]])
    to_rgb = np.array(
        [[4.0767417, -3.3077116, 0.2309699], [-1.2684380, 2.6097574, -0.3413194], [-0.0041961, -0.7034186, 1.7076147]]
    )
    linear = (to_rgb @ (to_cones @ np.array([lightness, a, b])) ** 3).clip(0, 1)
    gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in gamma)


def neighbours(points: Points, names: dict[str, list[str]], scale: str) -> list[tuple[str, int, str, float]]:
    """Each class of ``scale``: its name, its points, the class whose mean direction is nearest, and how near it is."""
    column = points.labels[:, SCALES.index(scale)]
    classes = [label for label in np.unique(column).tolist() if label != UNKNOWN]
    means = np.stack([points.vectors[column == label].mean(axis=0, dtype=np.float64) for label in classes])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    near = means @ means.T
    np.fill_diagonal(near, -np.inf)
    found = []
    for row, label in enumerate(classes):
        other = int(near[row].argmax())
        alone = len(classes) == 1
        found.append(
            (
                names[scale][label],
                int((column == label).sum()),
                "–" if alone else names[scale][classes[other]],
                0.0 if alone else float(near[row, other]),
            )
        )
    return found


def described(points: Points, found: Map, names: dict[str, list[str]], scales: Sequence[str]) -> dict[str, Any]:
    """A map with its finding in words and the table that says the same, as the macro ``chart`` takes them."""
    scale = scales[-1]
    rows = neighbours(points, names, scale)
    share = f" Its two axes hold {found.share:.0%} of the variance." if found.share is not None else ""
    near = ""
    if len(rows) > 1:
        one, _, other, value = max(rows, key=lambda row: row[3])
        near = f" Nearest to each other are {one} and {other}: the similarity of their means is {value:.2f}."
    return {
        "method": found.method,
        "finding": f"{len(points.ids):,} images by {found.method}.{share}{near}",
        "spec": chart(points, found, names, scales),
        "head": [f"{scale} class", "images", "nearest class", "similarity of the means"],
        "rows": [[name, count, other, f"{value:.2f}" if other != "–" else "–"] for name, count, other, value in rows],
    }
