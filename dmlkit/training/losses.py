"""The losses: Cross-Scale Learning, and the multi-scale sum of other losses that it is compared with.

A loss takes embeddings (B, D) of length one and labels (B, 3), the numbers of the training classes at the scales fine,
middle and coarse, and gives one number. Losses with proxies learn them together with the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dmlkit.errors import UsageError
from dmlkit.schema.scales import SCALES
from dmlkit.text import printable

CROSS_SCALE: dict[str, dict[str, Any]] = {
    "csl": {},
    "csl-hard": {"hard": True},
    "csl+": {"start": "hierarchical", "margins": (0.1, 0.3, 0.5), "gamma": 16.0, "prototypes": 1.0},
}
"""The forms of Cross-Scale Learning, each with what it changes in `Options`. ``csl+`` is dmlkit's own: proxies begin as
relatives, and margins that lie farther apart and a pull towards the prototypes keep them so."""
MULTI_SCALE = ("softmax", "cosface", "triplet", "npair", "ms", "circle")
NAMES = (*CROSS_SCALE, *MULTI_SCALE)
STARTS = ("random", "hierarchical")
BATCHES = ("full", "paper")


@dataclass(frozen=True)
class Options:
    """What a person may choose of a loss. All but the first three are of CSL alone.

    ``batch``: every scale sees the whole batch, or its third of it, as the paper's multi-scale baseline does.
    ``proxy_lr`` multiplies the learning rate for proxies. ``margins`` are those of ``scales``, in the same order.
    ``start`` and ``norm`` say how proxies begin. Over the first ``margin_growth`` of the training, a share, the margins
    grow from 0. ``hard``: only the proxy that violates its margin most counts. ``prototypes`` weighs the further term
    of `CrossScale`.
    """

    scales: tuple[str, ...] = SCALES
    batch: str = "full"
    proxy_lr: float = 1.0
    margins: tuple[float, ...] = (0.25, 0.35, 0.45)
    gamma: float = 32.0
    start: str = "random"
    norm: float = 0.6
    margin_growth: float = 0.0
    hard: bool = False
    prototypes: float = 0.0


def options(name: str, **given: Any) -> Options:
    """The options of the loss ``name``: what is ``given``, and for the rest what belongs to the name."""
    return Options(**{**CROSS_SCALE.get(name, {}), **given})


def make(name: str, classes: Tensor, size: int, options: Options) -> CrossScale | MultiScale:
    """The loss ``name`` for embeddings of ``size`` numbers. ``classes`` (C, 3): the labels of every fine class.

    Raises `UsageError` for an unknown name or choice.
    """
    for chosen, known, option in ((options.scales, SCALES, "--scales"), ([options.batch], BATCHES, "--batch")):
        if unknown := [name for name in chosen if name not in known]:
            raise UsageError(f"{option} {printable(unknown[0])} is not known", hint=", ".join(known))
    numbers = [SCALES.index(scale) for scale in options.scales]
    if name in CROSS_SCALE:
        if options.batch == "paper":
            raise UsageError(f"--loss {name} takes every image at every scale", hint="--batch full")
        if len(options.margins) != len(numbers):
            raise UsageError(f"{len(options.margins)} margins for {len(numbers)} scales", hint="one for each scale")
        return CrossScale(classes, numbers, size, options)
    if name in MULTI_SCALE:
        if options.batch == "paper" and len(numbers) != len(SCALES):
            raise UsageError("--batch paper has a third for each of the three scales", hint="--batch full")
        counts = {scale: int(classes[:, SCALES.index(scale)].max()) + 1 for scale in options.scales}
        each = {scale: library_loss(name, count, size) for scale, count in counts.items()}
        return MultiScale(each, thirds=options.batch == "paper", sharpen=NPAIR_LENGTH if name == "npair" else 1.0)
    raise UsageError(f"--loss {printable(name)} is not known", hint=", ".join(NAMES))


class CrossScale(nn.Module):
    """Cross-Scale Learning. One proxy a fine class; the only positive is the similarity to the own fine proxy.

    At every scale, all proxies of other classes at that scale must be less similar than that reference, by the margin
    of the scale:

        sum over scales l of  mean over i of  log(1 + sum over p in N_l(i) of exp(gamma (s_ip - s_i,own + m_l)))

    where N_l(i) are the proxies whose class at scale l is not that of i. Without such a proxy the term is 0. ``hard``
    takes the largest term instead of the inner sum. ``progress``, between 0 and 1, is how far the training is.

    ``prototypes`` weighs a term that is dmlkit's own: above the fine scale, the cross-entropy of finding one's class
    among the prototypes, each the mean direction of the proxies of a class. Without it nothing draws an image to
    its relatives.
    """

    ancestors: Tensor
    margins: Tensor

    def __init__(self, classes: Tensor, numbers: Sequence[int], size: int, options: Options) -> None:
        super().__init__()
        self.numbers, self.gamma, self.hard = list(numbers), options.gamma, options.hard
        self.margin_growth, self.progress, self.prototypes = options.margin_growth, 1.0, options.prototypes
        self.proxies = nn.Parameter(first_proxies(classes, size, options.start, options.norm))
        self.register_buffer("ancestors", classes[:, self.numbers], persistent=False)
        self.register_buffer("margins", torch.tensor(options.margins), persistent=False)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        proxies = functional.normalize(self.proxies)
        similarity = embeddings @ proxies.T
        excess = similarity - similarity.gather(1, labels[:, :1])
        growth = min(1.0, self.progress / self.margin_growth) if self.margin_growth else 1.0
        zero = excess.new_zeros(len(excess), 1)
        loss = excess.new_zeros(())
        for column, number in enumerate(self.numbers):
            if self.prototypes and SCALES[number] != "fine":
                members = functional.one_hot(self.ancestors[:, column]).to(proxies)
                prototypes = functional.normalize(members.T @ proxies)
                found = functional.cross_entropy(self.gamma * embeddings @ prototypes.T, labels[:, number])
                loss = loss + self.prototypes * found
            own = self.ancestors[:, column] == labels[:, number, None]
            terms = (self.gamma * (excess + growth * self.margins[column])).masked_fill(own, -math.inf)
            if self.hard:
                terms = terms.amax(dim=1, keepdim=True)
            loss = loss + torch.logsumexp(torch.cat([zero, terms], dim=1), dim=1).mean()  # the 1 is exp(zero)
        return loss


def first_proxies(classes: Tensor, size: int, start: str, norm: float) -> Tensor:
    """Proxies (C, size) of length ``norm``.

    ``random``: each in a direction of its own. ``hierarchical``: each along the sum of random directions of its
    classes at all scales, so that proxies of one middle class begin closer than those of two. Raises `UsageError`.
    """
    if start not in STARTS:
        raise UsageError(f"--proxy-start {start} is not known", hint=", ".join(STARTS))
    columns = [classes[:, c] for c in range(classes.shape[1] if start == "hierarchical" else 1)]
    directions = [functional.normalize(torch.randn(int(c.max()) + 1, size))[c] for c in columns]
    return norm * functional.normalize(torch.stack(directions).sum(dim=0))


class MultiScale(nn.Module):
    """The sum over scales of a loss for each, with negatives of its own.

    With ``thirds`` each scale sees only its third of the batch, in the order fine, middle, coarse: the batch of
    `sampling.thirds`. ``sharpen`` is a factor on the embeddings, for losses that take inner products as they are.
    """

    def __init__(self, losses: dict[str, nn.Module], thirds: bool = False, sharpen: float = 1.0) -> None:
        super().__init__()
        self.losses, self.thirds, self.sharpen, self.progress = nn.ModuleDict(losses), thirds, sharpen, 1.0

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        third = len(embeddings) // len(SCALES)
        loss = embeddings.new_zeros(())
        for scale, of_scale in self.losses.items():
            number = SCALES.index(scale)
            rows = slice(number * third, (number + 1) * third) if self.thirds else slice(None)
            loss = loss + of_scale(self.sharpen * embeddings[rows], labels[rows, number])
        return loss


NPAIR_LENGTH = 4.0
"""The length of embeddings in the N-pair loss, so that similarities reach 16: at 1 its softmax is almost flat."""


def library_loss(name: str, classes: int, size: int) -> nn.Module:
    """A loss of pytorch-metric-learning for labels below ``classes``. Raises `UsageError` where it is missing."""
    try:
        from pytorch_metric_learning import distances, losses
    except ImportError as exc:
        raise UsageError(
            f"--loss {name} needs pytorch-metric-learning, which is not installed",
            hint="pip install 'dmlkit[train]'",
        ) from exc
    makers: dict[str, Any] = {
        "softmax": lambda: losses.NormalizedSoftmaxLoss(classes, size, temperature=0.05),
        "cosface": lambda: losses.CosFaceLoss(classes, size, margin=0.35, scale=32),
        "triplet": lambda: losses.TripletMarginLoss(margin=0.1),
        "npair": lambda: losses.NPairsLoss(distance=distances.DotProductSimilarity(normalize_embeddings=False)),
        "ms": lambda: losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5),
        "circle": lambda: losses.CircleLoss(m=0.4, gamma=80),
    }
    made: nn.Module = makers[name]()
    return made
