"""The network: images (B, 3, H, W) → embeddings (B, D) of length one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from dmlkit.errors import UsageError
from dmlkit.text import first_few, printable

RESNETS = {"small": (1, 1, 1, 1), "resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
"""Blocks in each of the four layers. ``small`` is for images of about 64 pixels on a CPU: 0.3 million parameters."""
POOLS = ("max", "average")
TIMM = "timm:"


class Block(nn.Module):
    """Two 3 × 3 convolutions and the way around them. The names are torchvision's."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.downsample = None
        if stride != 1 or inside != outside:
            self.downsample = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: Tensor) -> Tensor:
        around = x if self.downsample is None else self.downsample(x)
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return functional.relu(self.bn2(self.conv2(x)) + around, inplace=True)


class ResNet(nn.Module):
    """A ResNet of basic blocks without its classifier: (B, 3, H, W) → (B, features, h, w). The names are torchvision's.

    ``small`` has an eighth of the filters in its first layer up to a quarter in its last, and starts with a 3 × 3
    convolution instead of a 7 × 7 one and a pooling.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        widths = (16, 32, 64, 128) if name == "small" else (64, 128, 256, 512)
        kernel = 3 if name == "small" else 7
        self.conv1 = nn.Conv2d(3, widths[0], kernel, stride=2, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.Identity() if name == "small" else nn.MaxPool2d(3, stride=2, padding=1)
        blocks = RESNETS[name]
        self.layer1 = layer(widths[0], widths[0], blocks[0], stride=1)
        self.layer2 = layer(widths[0], widths[1], blocks[1], stride=2)
        self.layer3 = layer(widths[1], widths[2], blocks[2], stride=2)
        self.layer4 = layer(widths[2], widths[3], blocks[3], stride=2)
        self.features = widths[-1]
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x)), inplace=True))
        found: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return found


def layer(inside: int, outside: int, blocks: int, stride: int) -> nn.Sequential:
    """``blocks`` blocks, the first of which changes the number of channels and the size."""
    return nn.Sequential(Block(inside, outside, stride), *(Block(outside, outside, 1) for _ in range(blocks - 1)))


class Embedder(nn.Module):
    """A backbone, global pooling, one linear layer, and division by the length."""

    def __init__(self, backbone: nn.Module, features: int, size: int, pool: str) -> None:
        super().__init__()
        self.backbone, self.pool, self.size = backbone, pool, size
        self.head = nn.Linear(features, size)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        x = self.backbone(x)
        if x.dim() == 4:  # a timm model has pooled already
            x = x.amax(dim=(2, 3)) if self.pool == "max" else x.mean(dim=(2, 3))
        return functional.normalize(self.head(x).float())


def make(name: str, size: int, pool: str, weights: str = "") -> Embedder:
    """A network that gives ``size`` numbers: a name of `RESNETS`, or ``timm:NAME``.

    ``weights`` is a file for the backbone, or ``pretrained`` for what timm downloads. Raises `UsageError`.
    """
    if name in RESNETS:
        if pool not in POOLS:
            raise UsageError(f"--pool {pool} is not known", hint=", ".join(POOLS))
        if weights == "pretrained":
            raise UsageError(f"--weights pretrained: {name} is not downloaded", hint="--weights FILE")
        backbone = ResNet(name)
        net = Embedder(backbone, backbone.features, size, pool)
    elif name.startswith(TIMM):
        net = timm_embedder(name.removeprefix(TIMM), size, weights == "pretrained")
    else:
        raise UsageError(f"--model {printable(name)} is not known", hint=f"{', '.join(RESNETS)}, or {TIMM}NAME")
    if weights and weights != "pretrained":
        load_weights(net.backbone, Path(weights))
    return net


def timm_embedder(name: str, size: int, pretrained: bool) -> Embedder:
    """A model of timm, with the pooling that it comes with. Raises `UsageError`."""
    try:
        import timm
    except ImportError as exc:
        raise UsageError(
            f"--model {TIMM}{printable(name)} needs timm, which is not installed",
            hint="pip install timm, beside a torch and torchvision that fit each other",
        ) from exc
    if name not in timm.list_models():
        raise UsageError(
            f"timm has no model {printable(name)}", hint="python -c 'import timm; print(timm.list_models())'"
        )
    backbone = timm.create_model(name, pretrained=pretrained, num_classes=0)
    return Embedder(backbone, getattr(backbone, "head_hidden_size", None) or backbone.num_features, size, "")


def load_weights(backbone: nn.Module, path: Path) -> None:
    """Load a state dict with the backbone's names; torchvision's classifier ``fc`` is left out. Raises `UsageError`."""
    there, wanted = read_weights(path), backbone.state_dict()
    there = {name: value for name, value in there.items() if not name.startswith("fc.")}
    # Files written before PyTorch 0.4.1 do not count batches. They are counted for nothing here.
    missing = [name for name in wanted if name not in there and not name.endswith("num_batches_tracked")]
    unknown = [name for name in there if name not in wanted]
    unlike = [name for name in there if name in wanted and there[name].shape != wanted[name].shape]
    for names, what in (
        (missing, "lacks"),
        (unknown, "has, as nothing in the model,"),
        (unlike, "has in another shape"),
    ):
        if names:
            raise UsageError(
                f"{path} is not of this model: it {what} {first_few(names, most=3)}; nothing was loaded",
                hint="a state dict of the same --model, with torchvision's names",
            )
    backbone.load_state_dict(there, strict=False)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file or of a state dict saved by torch. Nothing in the file is executed."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as exc:
        raise UsageError(f"{path}: {exc.strerror or exc}", hint="--weights takes a file") from exc
    except Exception as exc:  # torch and safetensors raise many types for what is not theirs
        raise UsageError(
            f"{path} cannot be read as weights ({type(exc).__name__}); nothing was loaded",
            hint="a state dict saved with torch.save, or a .safetensors file",
        ) from exc
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise UsageError(f"{path} holds something else than a state dict", hint="save model.state_dict()")
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
