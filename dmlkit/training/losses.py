"""The losses: Cross-Scale Learning, the multi-scale sum of other losses that it is compared with, and losses of users.

A loss takes embeddings (B, D) of length one and labels (B, 3), the indices of the training classes at the scales fine,
middle and coarse, and returns a scalar. Losses with proxies learn them together with the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dmlkit.errors import RunError, UsageError
from dmlkit.schema.scales import SCALES
from dmlkit.text import printable
from dmlkit.training import custom, runs

# The forms of Cross-Scale Learning, each with what it changes in `LossOptions`. ``csl+`` is dmlkit's own: proxies begin
# as relatives, and margins that lie farther apart and a pull towards the prototypes keep them so.
CROSS_SCALE: dict[str, dict[str, Any]] = {
    "csl": {},
    "csl-hard": {"hard": True},
    "csl+": {"proxy_start": "hierarchical", "margins": (0.1, 0.3, 0.5), "gamma": 16.0, "prototypes": 1.0},
}
MULTI_SCALE = ("softmax", "cosface", "triplet", "npair", "ms", "circle")
LOSSES = (*CROSS_SCALE, *MULTI_SCALE)
PROXY_STARTS = ("random", "hierarchical")
BATCHES = ("full", "paper")
NPAIR_LENGTH = 4.0  # length of embeddings in the N-pair loss: similarities reach 16; at length 1 its softmax is flat


@dataclass(frozen=True)
class LossOptions:
    """The choices that a loss has. All but the first three are for CSL alone."""

    scales: tuple[str, ...] = SCALES
    batch: str = "full"  # each scale sees the whole batch; "paper": its third of it, as in the paper's baseline
    proxy_lr: float = 1.0  # the learning rate of proxies, as a multiple
    margins: tuple[float, ...] = (0.25, 0.35, 0.45)  # of `scales`, in the same order
    gamma: float = 32.0
    proxy_start: str = "random"  # how proxies are initialized, one of PROXY_STARTS
    proxy_norm: float = 0.6  # the length of proxies at the start
    margin_growth: float = 0.0  # share of the training over which margins grow from 0
    hard: bool = False  # count only the proxy that violates its margin most
    prototypes: float = 0.0  # weight of the prototype term of `CrossScaleLoss`


def loss_options(name: str, **chosen: Any) -> LossOptions:
    """Return the options of the loss ``name``: the chosen ones, and the defaults of that loss for the rest."""
    return LossOptions(**{**CROSS_SCALE.get(name, {}), **chosen})


def make_loss(name: str, classes: Tensor, embedding_dim: int, options: LossOptions) -> nn.Module:
    """Make the loss ``name``, one of `LOSSES` or ``module:attribute``, for embeddings (B, ``embedding_dim``).

    ``classes`` (C, 3) are the labels of every fine class. Raises `UsageError` for an unknown name or choice.
    """
    check_choices("scales", options.scales, SCALES)
    check_choices("batch", [options.batch], BATCHES)
    check_choices("proxy_start", [options.proxy_start], PROXY_STARTS)
    columns = [SCALES.index(scale) for scale in options.scales]
    if options.batch == "paper" and (name in CROSS_SCALE or len(columns) != len(SCALES)):
        raise UsageError(
            f"loss {name} with scales {', '.join(options.scales)} does not fit batch 'paper', which has a third of the "
            "batch for each of the three scales",
            code="training.batch-does-not-fit",
            hint='set batch = "full"',
            loss=name,
        )
    if ":" in name:
        return CustomLoss(name, classes, embedding_dim)
    if name in CROSS_SCALE:
        if len(options.margins) != len(columns):
            raise UsageError(
                f"{len(options.margins)} margins for {len(columns)} scales",
                code="training.margins-do-not-fit",
                hint="give one margin for each scale",
                margins=len(options.margins),
                scales=len(columns),
            )
        return CrossScaleLoss(classes, columns, embedding_dim, options)
    check_choices("loss", [name], LOSSES)
    counts = {scale: int(classes[:, SCALES.index(scale)].max()) + 1 for scale in options.scales}
    losses = {scale: library_loss(name, count, embedding_dim) for scale, count in counts.items()}
    return MultiScaleLoss(losses, options.batch == "paper", NPAIR_LENGTH if name == "npair" else 1.0)


def check_choices(setting: str, chosen: Sequence[str], known: Sequence[str]) -> None:
    """Raise `UsageError` for the first chosen value that is not among the known ones."""
    for value in chosen:
        if value not in known:
            raise UsageError(
                f"{setting} {printable(value)} is not known",
                code="training.unknown-choice",
                hint=f"use {', '.join(known)}" + (", or my_module:MyLoss" if setting == "loss" else ""),
                setting=setting,
                value=value,
            )


class CrossScaleLoss(nn.Module):
    """Cross-Scale Learning. One proxy per fine class; the only positive is the similarity to the own fine proxy.

    At every scale, all proxies of other classes at that scale must be less similar than that reference, by the margin
    of the scale:

        sum over scales l of  mean over i of  log(1 + sum over p in N_l(i) of exp(gamma (s_ip - s_i,own + m_l)))

    where N_l(i) are the proxies whose class at scale l is not that of i. Without such a proxy the term is 0. ``hard``
    takes the largest term instead of the inner sum. ``progress`` is the share of the training that is done.

    ``prototypes`` weighs a term that is dmlkit's own: above the fine scale, the cross-entropy of finding one's class
    among the prototypes, each the mean direction of the proxies of a class. Without it nothing draws an image to
    its relatives.
    """

    ancestors: Tensor  # (C, scales): the class of every proxy
    margins: Tensor  # (scales,)

    def __init__(self, classes: Tensor, columns: Sequence[int], embedding_dim: int, options: LossOptions) -> None:
        super().__init__()
        self.columns, self.gamma, self.hard = list(columns), options.gamma, options.hard
        self.margin_growth, self.progress, self.prototypes = options.margin_growth, 1.0, options.prototypes
        self.proxies = nn.Parameter(init_proxies(classes, embedding_dim, options.proxy_start, options.proxy_norm))
        self.register_buffer("ancestors", classes[:, self.columns], persistent=False)
        self.register_buffer("margins", torch.tensor(options.margins), persistent=False)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        proxies = functional.normalize(self.proxies)  # (C, D)
        similarity = embeddings @ proxies.T  # (B, C)
        excess = similarity - similarity.gather(1, labels[:, :1])  # (B, C): over the own proxy
        growth = min(1.0, self.progress / self.margin_growth) if self.margin_growth else 1.0
        zero = excess.new_zeros(len(excess), 1)
        loss = excess.new_zeros(())
        for position, column in enumerate(self.columns):
            if self.prototypes and SCALES[column] != "fine":
                members = functional.one_hot(self.ancestors[:, position]).to(proxies)  # (C, classes of the scale)
                prototypes = functional.normalize(members.T @ proxies)  # (classes of the scale, D)
                entropy = functional.cross_entropy(self.gamma * embeddings @ prototypes.T, labels[:, column])
                loss = loss + self.prototypes * entropy
            own = self.ancestors[:, position] == labels[:, column, None]  # (B, C)
            terms = (self.gamma * (excess + growth * self.margins[position])).masked_fill(own, -math.inf)  # (B, C)
            if self.hard:
                terms = terms.amax(dim=1, keepdim=True)  # (B, 1)
            loss = loss + torch.logsumexp(torch.cat([zero, terms], dim=1), dim=1).mean()  # the 1 is exp(zero)
        return loss


def init_proxies(classes: Tensor, embedding_dim: int, start: str, norm: float) -> Tensor:
    """Draw proxies (C, ``embedding_dim``) of length ``norm``.

    ``random``: each in a direction of its own. ``hierarchical``: each along the sum of random directions of its
    classes at all scales, so that proxies of one middle class begin closer than those of two.
    """
    columns = [classes[:, c] for c in range(classes.shape[1] if start == "hierarchical" else 1)]  # (C,) each
    directions = [functional.normalize(torch.randn(int(c.max()) + 1, embedding_dim))[c] for c in columns]  # (C, D) each
    return norm * functional.normalize(torch.stack(directions).sum(dim=0))


class MultiScaleLoss(nn.Module):
    """The sum over scales of a loss for each, with negatives of its own.

    With ``thirds`` each scale sees only its third of the batch, in the order fine, middle, coarse: the batch of
    `data.sample_thirds`. ``length`` multiplies the embeddings, for losses that take inner products as they are.
    """

    def __init__(self, losses: dict[str, nn.Module], thirds: bool = False, length: float = 1.0) -> None:
        super().__init__()
        self.losses, self.thirds, self.length, self.progress = nn.ModuleDict(losses), thirds, length, 1.0

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        third = len(embeddings) // len(SCALES)
        total = embeddings.new_zeros(())
        for scale, loss in self.losses.items():
            column = SCALES.index(scale)
            rows = slice(column * third, (column + 1) * third) if self.thirds else slice(None)
            total = total + loss(self.length * embeddings[rows], labels[rows, column])
        return total


def library_loss(name: str, num_classes: int, embedding_dim: int) -> nn.Module:
    """Make a loss of pytorch-metric-learning for labels below ``num_classes``. Raises `UsageError` if it is missing."""
    with runs.require_extra(f"loss {name}"):
        from pytorch_metric_learning import distances, losses
    makers: dict[str, Any] = {
        "softmax": lambda: losses.NormalizedSoftmaxLoss(num_classes, embedding_dim, temperature=0.05),
        "cosface": lambda: losses.CosFaceLoss(num_classes, embedding_dim, margin=0.35, scale=32),
        "triplet": lambda: losses.TripletMarginLoss(margin=0.1),
        "npair": lambda: losses.NPairsLoss(distance=distances.DotProductSimilarity(normalize_embeddings=False)),
        "ms": lambda: losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5),
        "circle": lambda: losses.CircleLoss(m=0.4, gamma=80),
    }
    loss: nn.Module = makers[name]()
    return loss


class CustomLoss(nn.Module):
    """A loss of the user's: ``module:attribute`` is called with ``classes`` (C, 3) and ``embedding_dim``.

    What it returns is a module that takes embeddings (B, D) and labels (B, 3), and returns a scalar. Before each step
    its attribute ``progress`` is set to the share of the training that is done.
    """

    def __init__(self, name: str, classes: Tensor, embedding_dim: int) -> None:
        super().__init__()
        self.name, self.progress = name, 0.0
        self.inner = custom.call_custom(name, nn.Module, classes, embedding_dim)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        self.inner.progress = self.progress  # type: ignore[assignment]
        try:
            loss = self.inner(embeddings, labels)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as exc:  # whatever the user's code raises
            raise custom.custom_failed(self.name, exc) from exc
        if not isinstance(loss, Tensor) or loss.shape != () or not loss.requires_grad:
            shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise RunError(
                f"{printable(self.name)} must return a scalar tensor with a gradient; it returned {shape}",
                code="training.custom-output",
                hint="reduce the loss over the batch, for example with .mean()",
                name=self.name,
                shape=shape,
            )
        return loss
