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
# OKLCH lightness and chroma of class colours: visible on light and on dark pages.
LIGHTNESS, CHROMA = 0.62, 0.15
UNKNOWN_COLOUR = "#808080"
FIRST_HUE = 25.0
# Up to this many coarse classes the map has a legend.
MAX_LEGEND = 12

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Map:
    """Points (P, 2) and how they were found. ``share`` is what PCA's two axes hold of the variance, else None."""

    xy: Floats
    method: str
    share: float | None


def map_embeddings(vectors: NDArray[np.float32], like: Floats | None = None) -> Map:
    """Place embeddings (P, D) in two dimensions: by UMAP if umap-learn is installed, else by PCA.

    Axes may point either way: they are turned as those of ``like``, a map of the same images, where there is one.
    """
    if find_spec("umap") is not None and len(vectors) > 16:
        placed = Map(project_umap(vectors), "UMAP", None)
    else:
        placed = project_pca(vectors)
    if like is None:
        return placed
    signs = np.where(((placed.xy - placed.xy.mean(0)) * (like - like.mean(0))).sum(0) < 0, -1.0, 1.0)
    return Map(placed.xy * signs, placed.method, placed.share)


def project_pca(vectors: NDArray[np.float32]) -> Map:
    """Project on the two directions of the largest variance: (P, D) -> (P, 2).

    The sign of a direction is such that its largest component is positive.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    values, directions = np.linalg.eigh(centred.T @ centred)
    axes = directions[:, ::-1][:, :2]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    xy = np.zeros((len(vectors), 2))
    xy[:, : axes.shape[1]] = centred @ axes
    total = float(values.sum())
    return Map(xy, "PCA", float(values[::-1][:2].sum() / total) if total > 0 else 1.0)


def project_umap(vectors: NDArray[np.float32]) -> Floats:
    import umap

    xy: Floats = umap.UMAP(metric="cosine", random_state=0, n_jobs=1).fit_transform(vectors).astype(np.float64)
    return xy


def map_chart(points: Points, placed: Map, names: dict[str, list[str]], scales: Sequence[str]) -> dict[str, Any]:
    """Make the chart: a trace for each class of the coarsest scale, with colours for each of ``scales``.

    `run.js` takes the colours of the scale that is asked for from ``meta`` of the traces.
    """
    first = SCALES.index(scales[-1])
    colours = colour_classes(points.labels)
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
                "x": round_coordinates(placed.xy[rows, 0]),
                "y": round_coordinates(placed.xy[rows, 1]),
                "customdata": [[hover_text(points, row, names)] for row in rows.tolist()],
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
    return {
        "data": data,
        "layout": {"xaxis": bare, "yaxis": y, "showlegend": len(data) <= MAX_LEGEND, "hovermode": "closest"},
    }


def hover_text(points: Points, row: int, names: dict[str, list[str]]) -> str:
    """Describe a point in lines of HTML.

    `charts.js` escapes all texts but these: the chart library reads tags in them.
    """
    labels = zip(SCALES, points.labels[row].tolist(), strict=True)
    known = [names[scale][label] for scale, label in labels if label != UNKNOWN]
    return "<br>".join(html.escape(text, quote=False) for text in (*known, points.ids[row]))


def round_coordinates(values: Floats) -> list[float]:
    """Round to a thousandth of the span of the widest maps: finer than a pixel."""
    return [round(value, 3) + 0.0 for value in values.tolist()]


def colour_classes(labels: NDArray[np.int32]) -> list[dict[int, str]]:
    """Assign colours, for each scale label → colour. Relatives look alike: each coarse class has an arc of the hues."""
    tree = np.unique(labels[:, ::-1], axis=0)
    coarse, number = np.unique(tree[:, 0], return_inverse=True)
    within = np.concatenate([(np.arange(n) + 0.5) / n for n in np.bincount(number)])
    hues = (number + 0.15 + 0.7 * within) / len(coarse)
    colours_by_scale = []
    for scale in range(len(SCALES)):
        column = tree[:, len(SCALES) - 1 - scale]
        classes = dict.fromkeys(column.tolist())
        steps = [0.0] if scale == len(SCALES) - 1 else [0.0, 0.09, -0.09]
        colours = {
            label: oklch_colour(LIGHTNESS + steps[place % len(steps)], float(hues[column == label].mean()))
            for place, label in enumerate(classes)
        }
        colours_by_scale.append(colours | {UNKNOWN: UNKNOWN_COLOUR})
    return colours_by_scale


def oklch_colour(lightness: float, hue: float) -> str:
    """Convert a colour from OKLCH to ``#rrggbb``; ``hue`` is a share of the circle."""
    angle = np.radians(FIRST_HUE + 360 * hue)
    a, b = CHROMA * np.cos(angle), CHROMA * np.sin(angle)
    to_cones = np.array([[1, 0.3963378, 0.2158038], [1, -0.1055613, -0.0638542], [1, -0.0894842, -1.2914855]])
    to_rgb = np.array(
        [[4.0767417, -3.3077116, 0.2309699], [-1.2684380, 2.6097574, -0.3413194], [-0.0041961, -0.7034186, 1.7076147]]
    )
    linear = (to_rgb @ (to_cones @ np.array([lightness, a, b])) ** 3).clip(0, 1)
    gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in gamma)


def nearest_classes(points: Points, names: dict[str, list[str]], scale: str) -> list[tuple[str, int, str, float]]:
    """List for each class its name, points, the class with the nearest mean direction, and their similarity."""
    column = points.labels[:, SCALES.index(scale)]
    classes = [label for label in np.unique(column).tolist() if label != UNKNOWN]
    means = np.stack([points.vectors[column == label].mean(axis=0, dtype=np.float64) for label in classes])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    near = means @ means.T
    np.fill_diagonal(near, -np.inf)
    rows = []
    for row, label in enumerate(classes):
        other = int(near[row].argmax())
        alone = len(classes) == 1
        rows.append(
            (
                names[scale][label],
                int((column == label).sum()),
                "–" if alone else names[scale][classes[other]],
                0.0 if alone else float(near[row, other]),
            )
        )
    return rows


def describe_map(points: Points, placed: Map, names: dict[str, list[str]], scales: Sequence[str]) -> dict[str, Any]:
    """Describe a map: its finding in words, its chart and its table, as the macro ``chart`` takes them."""
    scale = scales[-1]
    rows = nearest_classes(points, names, scale)
    share = f" Its two axes hold {placed.share:.0%} of the variance." if placed.share is not None else ""
    near = ""
    if len(rows) > 1:
        one, _, other, value = max(rows, key=lambda row: row[3])
        near = f" Nearest to each other are {one} and {other}: the similarity of their means is {value:.2f}."
    return {
        "method": placed.method,
        "finding": f"{len(points.ids):,} images by {placed.method}.{share}{near}",
        "spec": map_chart(points, placed, names, scales),
        "head": [f"{scale} class", "images", "nearest class", "similarity of the means"],
        "rows": [[name, count, other, f"{value:.2f}" if other != "–" else "–"] for name, count, other, value in rows],
    }
