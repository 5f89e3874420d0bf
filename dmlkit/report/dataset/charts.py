"""The charts of a dataset's report, each with the sentence that says what it shows, and its table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlkit.report.dataset.classes import Node, ReportTree
from dmlkit.schema.scales import SCALES
from dmlkit.text import byte_size

# What the macro ``chart`` takes: id, title, finding, spec, head, rows.
Chart = dict[str, Any]

SHAPES = {f"{wide}:{high}": wide / high for wide, high in (
    (1, 2), (9, 16), (2, 3), (3, 4), (1, 1), (4, 3), (3, 2), (16, 9), (2, 1),
)}  # fmt: skip
# Up to this many different sizes are bars of their own.
MAX_SINGLE_SIZES = 12
# Bins of pixels and bytes, each 2 ** (1 / 4) times as wide as the one before.
BINS_PER_OCTAVE = 4
# With more classes the sunburst leaves out the fine ones, then the middle ones.
MAX_SECTORS = 2000
# Splits differ in their pattern, not only in their colour.
PATTERNS = ("", "/", "x", ".", "\\", "-", "|")


def images_by_coarse(tree: ReportTree) -> Chart:
    """Images of each coarse class, by split."""
    roots = [node for node in tree.roots if node.total]
    splits = [split for split in tree.splits if any(node.counts[split] for node in roots)]
    largest = max(roots, key=lambda node: node.total)
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": split,
            "y": [node.name for node in roots],
            "x": [node.counts[split] for node in roots],
            "marker": {
                "color": "@coarse",
                "pattern": {
                    "shape": PATTERNS[i % len(PATTERNS)],
                    "fgcolor": "@paper",
                    "size": 7,
                    "fillmode": "overlay",
                },
            },
        }
        for i, split in enumerate(splits)
    ]
    return {
        "id": "by-coarse",
        "title": "Images of each coarse class",
        "finding": f"Most images are of {largest.name}: {largest.total:,} of {sum(n.total for n in roots):,}.",
        "spec": {
            "data": bars,
            "layout": {
                "barmode": "stack",
                "legend": {"traceorder": "normal"},
                "yaxis": {"autorange": "reversed", "type": "category"},
                "showlegend": True,
            },
        },
        "head": ["coarse class", *splits, "all"],
        "rows": [[node.name, *(node.counts[split] for split in splits), node.total] for node in roots],
    }


def images_by_class(nodes: list[Node]) -> Chart:
    """How many fine classes have how many images."""
    counts = np.array([node.total for node in nodes])
    low, high = int(counts.min()), int(counts.max())
    step = max(1, math.ceil((high - low + 1) / 24))
    edges = np.arange(low, high + step + 1, step)
    heights = np.histogram(counts, edges)[0].tolist()
    names = [f"{a:,}" if step == 1 else f"{a:,} to {a + step - 1:,}" for a in edges[:-1].tolist()]
    middle = f"half of them have {math.ceil(np.median(counts)):,} or more"
    return {
        "id": "by-class",
        "title": "Images of a fine class",
        "finding": f"Every fine class has {low:,}."
        if low == high
        else f"Fine classes have {low:,} to {high:,}; {middle}.",
        "spec": column_chart(names, heights, "@fine", "images", "fine classes") if low < high else None,
        "head": ["images", "fine classes"],
        "rows": [list(row) for row in zip(names, heights, strict=True) if row[1]],
    }


def column_chart(names: Sequence[str], counts: Sequence[int], colour: str, across: str, up: str) -> Chart:
    """Columns side by side, one a name."""
    return {
        "data": [
            {
                "type": "bar",
                "x": list(names),
                "y": list(counts),
                "marker": {"color": colour},
                "hovertemplate": f"%{{x}}: %{{y:,}} {up}<extra></extra>",
            }
        ],
        "layout": {
            "bargap": 0.08,
            "xaxis": {"type": "category", "nticks": 8, "tickangle": 0, "title": {"text": across}},
            "yaxis": {"title": {"text": up}, "rangemode": "tozero"},
        },
    }


def bar_chart(names: Sequence[str], counts: Sequence[int], colour: str, across: str) -> Chart:
    """Bars one below the other, for longer names."""
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": list(counts),
        "y": list(names),
        "marker": {"color": colour},
        "hovertemplate": f"%{{y}}: %{{x:,}} {across}<extra></extra>",
    }
    layout = {
        "bargap": 0.2,
        "yaxis": {"type": "category", "autorange": "reversed"},
        "xaxis": {"title": {"text": across}},
    }
    return {"data": [bar], "layout": layout}


def size_chart(pixels: NDArray[np.int32]) -> Chart:
    """Width and height. ``pixels`` is (N, 2)."""
    distinct, counts = np.unique(pixels, axis=0, return_counts=True)
    middle = np.median(pixels, axis=0).astype(int).tolist()
    chart: Chart = {"id": "sizes", "title": "Width and height"}
    if len(distinct) <= MAX_SINGLE_SIZES:
        order = np.argsort(-counts, kind="stable")
        names = [f"{width} × {height}" for width, height in distinct[order].tolist()]
        return chart | {
            "finding": f"All images have {names[0]} pixels." if len(names) == 1 else f"There are {len(names)} sizes.",
            "spec": bar_chart(names, counts[order].tolist(), "@accent", "images") if len(names) > 1 else None,
            "head": ["width × height", "images"],
            "rows": [[name, n] for name, n in zip(names, counts[order].tolist(), strict=True)],
        }
    edges = [octave_edges(pixels[:, side]) for side in (0, 1)]
    grid = np.histogram2d(pixels[:, 0], pixels[:, 1], edges)[0].astype(int)
    wide, high = ([f"{a:,.0f} to {b:,.0f}" for a, b in pairwise(of_side)] for of_side in edges)
    rows = [(int(grid[x, y]), wide[x], high[y]) for x, y in np.argwhere(grid).tolist()]
    return chart | {
        "finding": f"The middle image has {middle[0]:,} × {middle[1]:,} pixels; widths are "
        f"{pixels[:, 0].min():,} to {pixels[:, 0].max():,}, heights {pixels[:, 1].min():,} to {pixels[:, 1].max():,}.",
        "spec": {
            "data": [
                {
                    "type": "heatmap",
                    "x": wide,
                    "y": high,
                    "z": [[n or None for n in column] for column in grid.T.tolist()],
                    "colorscale": [[0, "@sunken"], [1, "@accent"]],
                    "showscale": False,
                    "hoverongaps": False,
                    "hovertemplate": "%{x} wide, %{y} high: %{z:,} images<extra></extra>",
                }
            ],
            "layout": {
                "xaxis": {"type": "category", "nticks": 5, "tickangle": 0, "title": {"text": "width in pixels"}},
                "yaxis": {"type": "category", "nticks": 6, "title": {"text": "height in pixels"}},
            },
        },
        "head": ["width", "height", "images"],
        "rows": [[*names, n] for n, *names in sorted(rows, reverse=True)[:40]],
    }


def octave_edges(values: NDArray[Any]) -> NDArray[np.float64]:
    """Edges of bins that grow by the same factor, around all values."""
    low = math.floor(BINS_PER_OCTAVE * math.log2(max(1, values.min())))
    high = math.floor(BINS_PER_OCTAVE * math.log2(max(1, values.max()))) + 1
    return np.asarray(2.0 ** (np.arange(low, high + 1) / BINS_PER_OCTAVE))


def shape_chart(pixels: NDArray[np.int32]) -> Chart:
    """Width to height, as the nearest of the usual shapes."""
    known = np.log(np.array(list(SHAPES.values())))
    ratio = np.log(pixels[:, 0] / np.maximum(1, pixels[:, 1]))
    nearest = np.abs(ratio[:, None] - known).argmin(axis=1)
    counts = np.bincount(nearest, minlength=len(SHAPES)).tolist()
    names = list(SHAPES)
    wide, high = int((ratio > 0.01).sum()), int((ratio < -0.01).sum())
    return {
        "id": "shapes",
        "title": "Width to height",
        "finding": f"{wide:,} images are wider than high, {high:,} higher than wide.",
        "spec": column_chart(names, counts, "@accent", "nearest shape", "images"),
        "head": ["nearest shape", "images"],
        "rows": [[name, n] for name, n in zip(names, counts, strict=True) if n],
    }


def length_chart(values: NDArray[np.int64]) -> Chart:
    """Bytes of an image."""
    edges = octave_edges(values)
    counts = np.histogram(values, edges)[0].tolist()
    names = [f"{byte_size(a)} to {byte_size(b)}" for a, b in pairwise(edges)]
    chart, step = column_chart(names, counts, "@accent", "from", "images"), max(1, len(names) // 6)
    chart["layout"]["xaxis"] |= {"tickvals": names[::step], "ticktext": [byte_size(edge) for edge in edges[:-1:step]]}
    return {
        "id": "lengths",
        "title": "Bytes of an image",
        "finding": f"The middle image has {byte_size(np.median(values))}; all have {byte_size(values.sum())}.",
        "spec": chart,
        "head": ["bytes", "images"],
        "rows": [[name, n] for name, n in zip(names, counts, strict=True) if n],
    }


def sunburst_chart(tree: ReportTree, name: str) -> Chart:
    """The hierarchy as rings: a sector opens, one of the outermost ring leads to its page."""
    count = {scale: len(tree.at_scale(scale)) for scale in SCALES}
    rings = [s for s in SCALES if sum(count[above] for above in SCALES[SCALES.index(s) :]) <= MAX_SECTORS] or ["coarse"]
    nodes = [node for root in tree.roots for node in root.walk() if node.scale in rings and node.total]
    number = {node: f"c{i}" for i, node in enumerate(nodes)}
    ends = [node.scale == rings[0] or not any(below.total for below in node.below) for node in nodes]
    spec = {
        "type": "sunburst",
        "ids": ["all", *number.values()],
        "labels": [name, *(node.name for node in nodes)],
        "parents": ["", *(number.get(node.above, "all") if node.above else "all" for node in nodes)],
        "values": [sum(root.total for root in tree.roots), *(node.total for node in nodes)],
        "customdata": ["", *(node.page if end else "" for node, end in zip(nodes, ends, strict=True))],
        "branchvalues": "total",
        "sort": False,
        "insidetextorientation": "radial",
        "marker": {
            "colors": ["@card", *(f"@{node.scale}" for node in nodes)],
            "line": {"color": "@paper", "width": [1, *(0.3 if len(nodes) > 300 and end else 1 for end in ends)]},
        },
        "leaf": {"opacity": 1},
        "hovertemplate": "<b>%{label}</b><br>%{value:,} images<extra></extra>",
    }
    outermost = rings[0]
    return {
        "id": "sunburst",
        "title": "The classes, by their images",
        "finding": f"A click opens a class; one on the outermost ring, the {outermost} classes, leads to its images. "
        "The tree has the same classes.",
        "spec": {"data": [spec], "layout": {"uniformtext": {"minsize": 11, "mode": "hide"}}},
        "head": ["coarse class", "middle classes", "fine classes", "images"],
        "rows": [
            [
                root.name,
                sum(node.scale == "middle" for node in root.walk()),
                sum(node.scale == "fine" for node in root.walk()),
                root.total,
            ]
            for root in tree.roots
        ],
    }
