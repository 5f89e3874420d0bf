"""Networks: names and shapes as torchvision publishes them, weights from files, and what does not fit."""

import sys
import types

import pytest
import torch
from torch import nn

from dmlkit.errors import UsageError
from dmlkit.training import model

torch.set_num_threads(1)


def published(blocks: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Name → shape in the state dict of torchvision's ResNet with so many basic blocks, written from its layout."""

    def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
        of = dict.fromkeys((f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")), (width,))
        return of | {f"{name}.num_batches_tracked": ()}

    shapes = {"conv1.weight": (64, 3, 7, 7)} | norm("bn1", 64)
    inside = 64
    for number, (count, width) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True), start=1):
        for block in range(count):
            at = f"layer{number}.{block}"
            shapes |= {f"{at}.conv1.weight": (width, inside, 3, 3)} | norm(f"{at}.bn1", width)
            shapes |= {f"{at}.conv2.weight": (width, width, 3, 3)} | norm(f"{at}.bn2", width)
            if inside != width:
                shapes |= {f"{at}.downsample.0.weight": (width, inside, 1, 1)} | norm(f"{at}.downsample.1", width)
            inside = width
    return shapes | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


def state_dict(shapes):
    torch.manual_seed(0)
    return {n: torch.tensor(7) if n.endswith("tracked") else torch.rand(s) + 0.5 for n, s in shapes.items()}


@pytest.mark.parametrize(
    ("name", "blocks", "tensors"), [("resnet18", (2, 2, 2, 2), 122), ("resnet34", (3, 4, 6, 3), 218)]
)
def test_torchvision_state_dict_is_loaded_whole(tmp_path, name, blocks, tensors):
    weights = state_dict(published(blocks))
    assert len(weights) == tensors
    torch.save(weights, tmp_path / "weights.pth")
    net = model.make_model(name, 64, "average", str(tmp_path / "weights.pth"))
    loaded = net.backbone.state_dict()
    assert sorted(loaded) == sorted(n for n in weights if not n.startswith("fc."))
    assert all(torch.equal(loaded[n], weights[n]) for n in loaded)


def test_safetensors_without_batch_counts_load(tmp_path):
    from safetensors.torch import save_file

    weights = {n: w for n, w in state_dict(published((2, 2, 2, 2))).items() if not n.endswith("tracked")}
    save_file(weights, tmp_path / "weights.safetensors")
    net = model.make_model("resnet18", 64, "max", str(tmp_path / "weights.safetensors"))
    assert torch.equal(net.backbone.state_dict()["layer4.1.bn2.weight"], weights["layer4.1.bn2.weight"])


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda w: w.pop("layer2.0.downsample.0.weight"), "layer2.0.downsample.0.weight"),
        (lambda w: w.update({"layer5.weight": torch.ones(2)}), "layer5.weight"),
        (lambda w: w.update({"conv1.weight": torch.ones(64, 1, 7, 7)}), "conv1.weight"),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path, change, name):
    weights = state_dict(published((2, 2, 2, 2)))
    change(weights)
    torch.save(weights, tmp_path / "weights.pth")
    with pytest.raises(UsageError) as error:
        model.make_model("resnet18", 64, "max", str(tmp_path / "weights.pth"))
    assert error.value.code == "training.weights-do-not-fit"
    assert error.value.facts["names"] == [name]


class Trap:
    """Unpickled, it would run."""

    ran = False

    def __reduce__(self):
        return (setattr, (Trap, "ran", True))


@pytest.mark.parametrize("content", [b"no weights at all", b"", "trap", "list"])
def test_file_without_weights_never_runs(tmp_path, content):
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(Trap() if content == "trap" else [torch.ones(1)], path)
    with pytest.raises(UsageError) as error:
        model.make_model("resnet18", 64, "max", str(path))
    assert error.value.code == "training.weights-unreadable"
    assert error.value.facts["path"] == path
    assert not Trap.ran


def test_missing_weights_are_an_error(tmp_path):
    for use in (model.read_weights, model.hash_file):
        with pytest.raises(UsageError) as error:
            use(tmp_path / "none.pth")
        assert error.value.code == "training.weights-unreadable"


@pytest.mark.parametrize("name", ["small", "resnet18"])
@pytest.mark.parametrize("pool", ["max", "average"])
def test_embeddings_have_their_dim_and_length_one(name, pool):
    net = model.make_model(name, 48, pool).eval()
    found = net(torch.randn(3, 3, 64, 96))
    assert found.shape == (3, 48)
    assert torch.allclose(found.norm(dim=1), torch.ones(3))
    assert found.dtype == torch.float32


def test_pooling_takes_maximum_or_mean():
    net = model.make_model("small", 48, "max").eval()
    x = torch.randn(2, 3, 64, 64)
    features = net.backbone(x)
    assert features.shape == (2, 128, 4, 4)
    largest = nn.functional.normalize(net.head(features.flatten(2).max(dim=2).values))
    assert torch.allclose(net(x), largest, atol=1e-6)
    net.pooling = "average"
    mean = nn.functional.normalize(net.head(features.flatten(2).mean(dim=2)))
    assert torch.allclose(net(x), mean, atol=1e-6)


def test_small_model_has_0_3_million_parameters():
    assert 250_000 < sum(p.numel() for p in model.make_model("small", 128, "max").parameters()) < 350_000


@pytest.mark.parametrize(
    ("name", "pooling", "weights", "code"),
    [
        ("resnet99", "max", "", "training.unknown-choice"),
        ("small", "median", "", "training.unknown-choice"),
        ("resnet18", "max", "pretrained", "training.weights-not-downloadable"),
    ],
)
def test_unknown_names_are_errors(name, pooling, weights, code):
    with pytest.raises(UsageError) as error:
        model.make_model(name, 64, pooling, weights)
    assert error.value.code == code


def test_missing_timm_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError) as error:
        model.make_model("timm:resnet50", 64, "max")
    assert (error.value.code, error.value.facts["package"]) == ("training.missing-package", "timm")


def test_timm_model_keeps_its_own_pooling(monkeypatch):
    # timm cannot be installed beside a torch for CPUs; this stands in for the two of its functions that are used.
    timm = types.ModuleType("timm")
    timm.list_models = lambda: ["tiny"]

    def create_model(name, pretrained, num_classes):
        assert num_classes == 0
        net = nn.Sequential(nn.Conv2d(3, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        net.num_features, net.pretrained = 10, pretrained
        return net

    timm.create_model = create_model
    monkeypatch.setitem(sys.modules, "timm", timm)
    net = model.make_model("timm:tiny", 16, "", "pretrained")
    assert net.backbone.pretrained
    assert net(torch.randn(2, 3, 32, 32)).shape == (2, 16)
    with pytest.raises(UsageError) as error:
        model.make_model("timm:huge", 16, "")
    assert (error.value.code, error.value.facts["model"]) == ("training.unknown-timm-model", "huge")
