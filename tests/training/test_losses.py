"""Cross-Scale Learning against its definition, and the multi-scale sum against the library's losses."""

import math
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

from dmlkit.errors import UsageError
from dmlkit.training import losses
from dmlkit.training.losses import LossOptions

torch.set_num_threads(1)

# Seven fine classes in four middle and two coarse ones.
TABLE = torch.tensor([[0, 0, 0], [1, 0, 0], [2, 1, 0], [3, 2, 1], [4, 2, 1], [5, 3, 1], [6, 3, 1]])


def batch(rows: int, size: int = 6, seed: int = 0):
    """Random embeddings of length one in float64, and labels."""
    torch.manual_seed(seed)
    embeddings = functional.normalize(torch.randn(rows, size, dtype=torch.float64))
    return embeddings, TABLE[torch.randint(len(TABLE), (rows,))]


def cross_scale(size: int = 6, hard: bool = False, table: torch.Tensor = TABLE, **options):
    torch.manual_seed(1)
    name = "csl-hard" if hard else "csl"
    return losses.make_loss(name, table, size, losses.loss_options(name, **options)).double()


def by_definition(loss, embeddings, labels, table, margins, gamma, hard) -> float:
    """The sum over scales of the mean over images, one proxy after the other, in float64."""
    proxies = loss.proxies.detach().numpy()
    total = 0.0
    for scale, margin in enumerate(margins):
        for z, own in zip(embeddings.numpy(), labels.numpy(), strict=True):
            reference = z @ proxies[own[0]] / np.linalg.norm(proxies[own[0]])
            terms = [
                math.exp(gamma * (z @ proxy / np.linalg.norm(proxy) - reference + margin))
                for proxy, of in zip(proxies, table.numpy(), strict=True)
                if of[scale] != own[scale]
            ]
            inner = (max(terms) if hard else sum(terms)) if terms else 0.0
            total += math.log(1 + inner) / len(embeddings)
    return total


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize(("margins", "gamma"), [((0.25, 0.35, 0.45), 32.0), ((0.0, 0.6, 1.0), 5.0)])
def test_csl_equals_its_definition(hard, margins, gamma):
    embeddings, labels = batch(9)
    loss = cross_scale(hard=hard, margins=margins, gamma=gamma)
    expected = by_definition(loss, embeddings, labels, TABLE, margins, gamma, hard)
    assert loss(embeddings, labels).item() == pytest.approx(expected, rel=1e-6)


def test_prototypes_add_their_cross_entropy():
    embeddings, labels = batch(9)
    plain, more = cross_scale(gamma=8.0), cross_scale(gamma=8.0, prototypes=0.5)
    proxies = more.proxies.detach().numpy()
    proxies = proxies / np.linalg.norm(proxies, axis=1, keepdims=True)
    added = 0.0
    for scale in (1, 2):
        means = np.stack(
            [proxies[TABLE[:, scale] == number].mean(axis=0) for number in range(TABLE[:, scale].max() + 1)]
        )
        likeness = np.exp(8.0 * embeddings.numpy() @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T)
        own = likeness[np.arange(9), labels[:, scale].numpy()]
        added += 0.5 * -np.log(own / likeness.sum(axis=1)).mean()
    assert more(embeddings, labels).item() == pytest.approx(plain(embeddings, labels).item() + added, rel=1e-6)
    alone = cross_scale(scales=("fine",), margins=(0.25,), prototypes=0.5)
    assert alone(embeddings, labels) == cross_scale(scales=("fine",), margins=(0.25,))(embeddings, labels)


def test_csl_of_one_image_in_closed_form():
    # On its own proxy, all others at a right angle: each of k others adds exp(32 (0 - 1 + m)).
    table = torch.tensor([[0, 0, 0], [1, 0, 0], [2, 1, 0], [3, 2, 1]])
    loss = cross_scale(size=4, table=table)
    loss.proxies.data = 0.6 * torch.eye(4, dtype=torch.float64)
    terms = [math.log(1 + k * math.exp(32 * (m - 1))) for k, m in ((3, 0.25), (2, 0.35), (1, 0.45))]
    value = loss(torch.eye(4, dtype=torch.float64)[:1], table[:1]).item()
    assert value == pytest.approx(sum(terms), rel=1e-5)


@pytest.mark.parametrize("hard", [False, True])
def test_csl_gradients_match_its_values(hard):
    embeddings, labels = batch(5)
    loss = cross_scale(hard=hard, gamma=4.0)
    start = loss.proxies.detach().clone().requires_grad_()

    def of(x, proxies):
        return torch.func.functional_call(loss, {"proxies": proxies}, (functional.normalize(x), labels))

    assert torch.autograd.gradcheck(of, (embeddings.requires_grad_(), start))


@pytest.mark.parametrize("hard", [False, True])
def test_scale_without_negatives_adds_nothing(hard):
    table = torch.tensor([[0, 0, 0], [1, 1, 0], [2, 1, 0]])  # one coarse class
    embeddings, labels = batch(4)[0].requires_grad_(), table[[0, 1, 2, 0]]
    three = cross_scale(hard=hard, table=table)
    two = cross_scale(hard=hard, table=table, scales=("fine", "middle"), margins=(0.25, 0.35))
    two.proxies.data = three.proxies.data
    value = three(embeddings, labels)
    assert value.item() == pytest.approx(two(embeddings, labels).item(), rel=1e-12)
    value.backward()
    assert torch.isfinite(embeddings.grad).all()
    assert torch.isfinite(three.proxies.grad).all()


def test_length_of_proxies_does_not_count():
    embeddings, labels = batch(6)
    loss = cross_scale()
    before = loss(embeddings, labels).item()
    loss.proxies.data *= 3
    assert loss(embeddings, labels).item() == pytest.approx(before)


def test_large_values_do_not_overflow():
    embeddings, labels = batch(6)
    loss = cross_scale(gamma=1e4)
    value = loss(embeddings, labels)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(loss.proxies.grad).all()


def test_margins_grow_over_their_share():
    embeddings, labels = batch(6)
    loss, full = cross_scale(margin_growth=0.5), cross_scale()
    none = cross_scale(margins=(0.0, 0.0, 0.0))
    values = []
    for loss.progress in (0.0, 0.25, 0.5, 0.9):
        values.append(loss(embeddings, labels).item())
    assert values[0] == pytest.approx(none(embeddings, labels).item())
    assert values[0] < values[1] < values[2]
    assert values[2] == values[3] == pytest.approx(full(embeddings, labels).item())


def test_hierarchical_start_puts_relatives_closer():
    table = torch.tensor([[f, f // 5, f // 25] for f in range(50)])
    torch.manual_seed(0)
    near = losses.make_loss("csl", table, 256, LossOptions(proxy_start="hierarchical", proxy_norm=0.8)).proxies.detach()
    apart = losses.make_loss("csl", table, 256, LossOptions(proxy_norm=0.8)).proxies.detach()
    for proxies in (near, apart):
        assert torch.allclose(proxies.norm(dim=1), torch.tensor(0.8))
    near, apart = (functional.normalize(p) @ functional.normalize(p).T for p in (near, apart))
    sibling, cousin, stranger = near[0, 1:5].mean(), near[0, 5:25].mean(), near[0, 25:].mean()
    assert sibling == pytest.approx(2 / 3, abs=0.1)
    assert cousin == pytest.approx(1 / 3, abs=0.1)
    assert stranger == pytest.approx(0, abs=0.1)
    assert apart[0, 1:].abs().max() < 0.3


def test_csl_plus_is_csl_with_its_options():
    chosen = losses.loss_options("csl+")
    assert (chosen.proxy_start, chosen.margins, chosen.gamma) == ("hierarchical", (0.1, 0.3, 0.5), 16.0)
    assert (chosen.proxy_lr, chosen.prototypes) == (1.0, 1.0)
    assert losses.loss_options("csl+", gamma=8.0).gamma == 8.0
    embeddings, labels = batch(9)
    torch.manual_seed(1)
    loss = losses.make_loss("csl+", TABLE, 6, chosen).double()
    torch.manual_seed(1)
    same = losses.make_loss("csl", TABLE, 6, losses.loss_options("csl", **losses.CROSS_SCALE["csl+"])).double()
    assert loss(embeddings, labels) == same(embeddings, labels)


@pytest.mark.parametrize("name", losses.MULTI_SCALE)
def test_multi_scale_sums_the_library_losses(name):
    embeddings, labels = batch(24)
    torch.manual_seed(0)
    loss = losses.make_loss(name, TABLE, 6, LossOptions()).double()
    each = [loss.losses[scale](loss.length * embeddings, labels[:, c]) for c, scale in enumerate(loss.losses)]
    assert list(loss.losses) == ["fine", "middle", "coarse"]
    assert loss(embeddings, labels).item() == pytest.approx(sum(each).item())


@pytest.mark.parametrize("name", losses.LOSSES)
def test_every_loss_separates_three_classes(name):
    table = torch.tensor([[0, 0, 0], [1, 1, 0], [2, 2, 1]])
    labels = table.repeat_interleave(4, dim=0)
    torch.manual_seed(0)
    x = torch.randn(12, 8, requires_grad=True)
    loss = losses.make_loss(name, table, 8, losses.loss_options(name))
    optimizer = torch.optim.Adam([x, *loss.parameters()], lr=0.05)
    values = []
    for _ in range(40):
        value = loss(functional.normalize(x), labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.7 * values[0]
    similarity = functional.normalize(x.detach()) @ functional.normalize(x.detach()).T
    same = labels[:, 0, None] == labels[None, :, 0]
    assert similarity[same].mean() > similarity[~same].mean() + 0.3


def test_a_third_counts_for_its_scale_only():
    embeddings, labels = batch(24)
    embeddings.requires_grad_()
    loss = losses.make_loss("triplet", TABLE, 6, LossOptions(batch="paper")).double()
    middle = loss.losses["middle"](embeddings[8:16], labels[8:16, 1])
    fine, coarse = (
        loss.losses["fine"](embeddings[:8], labels[:8, 0]),
        loss.losses["coarse"](embeddings[16:], labels[16:, 2]),
    )
    assert loss(embeddings, labels).item() == pytest.approx((fine + middle + coarse).item())
    # Without the other scales, the other thirds have no gradient.
    del loss.losses["fine"], loss.losses["coarse"]
    loss(embeddings, labels).backward()
    moved = embeddings.grad.abs().sum(dim=1) > 0
    assert not moved[:8].any()
    assert moved[8:16].any()
    assert not moved[16:].any()


def test_specialist_ignores_other_scales():
    embeddings, labels = batch(24)
    loss = losses.make_loss("cosface", TABLE, 6, LossOptions(scales=("fine",))).double()
    assert list(loss.losses) == ["fine"]
    other = labels.clone()
    other[:, 1:] = 0
    assert loss(embeddings, labels).item() == loss(embeddings, other).item()


def test_margins_belong_to_the_chosen_scales():
    # With fine and coarse, the second margin is that of coarse: as if middle had no negatives.
    embeddings, labels = batch(9)
    chosen = cross_scale(scales=("fine", "coarse"), margins=(0.1, 0.9), gamma=4.0)
    table = TABLE.clone()
    value = chosen(embeddings, labels).item()
    proxies = functional.normalize(chosen.proxies.detach())
    expected = 0.0
    for column, margin in ((0, 0.1), (2, 0.9)):
        for z, own in zip(embeddings, labels, strict=True):
            others = proxies[table[:, column] != own[column]]
            terms = torch.exp(4.0 * (others @ z - proxies[own[0]] @ z + margin))
            expected += math.log(1 + terms.sum().item()) / len(embeddings)
    assert value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "code", "fact"),
    [
        ("contrastive", {}, "training.unknown-choice", {"setting": "loss", "value": "contrastive"}),
        ("csl", {"batch": "paper"}, "training.batch-does-not-fit", {"loss": "csl"}),
        ("csl", {"margins": (0.1,)}, "training.margins-do-not-fit", {"margins": 1, "scales": 3}),
        ("csl", {"proxy_start": "zero"}, "training.unknown-choice", {"setting": "proxy_start", "value": "zero"}),
        ("triplet", {"batch": "paper", "scales": ("fine",)}, "training.batch-does-not-fit", {"loss": "triplet"}),
        ("triplet", {"batch": "half"}, "training.unknown-choice", {"setting": "batch", "value": "half"}),
        ("csl", {"scales": ("fine", "big")}, "training.unknown-choice", {"setting": "scales", "value": "big"}),
    ],
)
def test_unfit_choices_are_named(name, options, code, fact):
    with pytest.raises(UsageError) as error:
        losses.make_loss(name, TABLE, 6, LossOptions(**options))
    assert error.value.code == code
    assert error.value.facts == fact


def test_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning", None)
    with pytest.raises(UsageError) as error:
        losses.make_loss("triplet", TABLE, 6, LossOptions())
    assert error.value.code == "training.missing-extra"
    assert error.value.facts["package"] == "pytorch_metric_learning"
