"""The network: images (B, 3, H, W) → embeddings (B, D) of length one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dmlkit.errors import RunError, UsageError
from dmlkit.text import first_few, printable, summarize
from dmlkit.training import custom, runs

# Blocks in each of the four layers. ``small`` is for images of about 64 pixels on a CPU: 0.3 million parameters.
RESNETS = {"small": (1, 1, 1, 1), "resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
POOLINGS = ("max", "average")
TIMM = "timm:"  # before the name of a model of timm
PRETRAINED = "pretrained"  # in place of a file of weights: those that timm downloads
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, by channel


class Block(nn.Module):
    """Two 3 × 3 convolutions and a shortcut. The names are torchvision's."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return functional.relu(self.bn2(self.conv2(x)) + shortcut, inplace=True)


class ResNet(nn.Module):
    """A ResNet of basic blocks without its classifier, with torchvision's names: (B, 3, H, W) → (B, F, h, w).

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
        self.layer1 = make_layer(widths[0], widths[0], blocks[0], stride=1)
        self.layer2 = make_layer(widths[0], widths[1], blocks[1], stride=2)
        self.layer3 = make_layer(widths[1], widths[2], blocks[2], stride=2)
        self.layer4 = make_layer(widths[2], widths[3], blocks[3], stride=2)
        self.num_features = widths[-1]
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x)), inplace=True))
        features: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return features


def make_layer(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    """Chain ``blocks`` blocks, the first of which changes the number of channels and the size."""
    return nn.Sequential(
        Block(in_channels, out_channels, stride), *(Block(out_channels, out_channels, 1) for _ in range(blocks - 1))
    )


class Embedder(nn.Module):
    """A backbone, global pooling, one linear layer, and division by the length."""

    def __init__(self, backbone: nn.Module, num_features: int, embedding_dim: int, pooling: str) -> None:
        super().__init__()
        self.backbone, self.pooling = backbone, pooling
        self.head = nn.Linear(num_features, embedding_dim)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        x = self.backbone(x)  # (B, F, h, w), or (B, F) from a timm model, which has pooled already
        if x.dim() == 4:
            x = x.amax(dim=(2, 3)) if self.pooling == "max" else x.mean(dim=(2, 3))  # (B, F)
        return functional.normalize(self.head(x).float())  # (B, D)


class CustomEmbedder(nn.Module):
    """A model of the user's: ``module:attribute`` is called with ``embedding_dim`` and returns a module.

    That takes images (B, 3, H, W) and returns embeddings (B, ``embedding_dim``), which are brought to length one here.
    """

    def __init__(self, name: str, embedding_dim: int) -> None:
        super().__init__()
        self.name, self.embedding_dim = name, embedding_dim
        self.backbone = custom.call_custom(name, nn.Module, embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        try:
            embeddings = self.backbone(x)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as exc:  # whatever the user's code raises
            raise custom.custom_failed(self.name, exc) from exc
        shape = tuple(embeddings.shape) if isinstance(embeddings, Tensor) else type(embeddings).__name__
        if shape != (len(x), self.embedding_dim):
            raise RunError(
                f"{printable(self.name)} must return embeddings {(len(x), self.embedding_dim)}; it returned {shape}",
                code="training.custom-output",
                hint="return one row per image, or set embedding_dim to what the model returns",
                name=self.name,
                shape=shape,
            )
        return functional.normalize(embeddings.float())  # (B, D)


def make_model(name: str, embedding_dim: int, pooling: str, weights: str = "") -> Embedder | CustomEmbedder:
    """Make a network that returns embeddings (B, ``embedding_dim``).

    ``name`` is one of `RESNETS`, ``timm:NAME`` or ``module:attribute``; ``weights`` is a file for the backbone, or
    ``pretrained`` for what timm downloads. Raises `UsageError`.
    """
    net: Embedder | CustomEmbedder
    if weights == PRETRAINED and not name.startswith(TIMM):
        raise UsageError(
            f"weights of {printable(name)} cannot be downloaded",
            code="training.weights-not-downloadable",
            hint="use --weights FILE",
            model=name,
        )
    if name in RESNETS:
        if pooling not in POOLINGS:
            raise UsageError(
                f"pooling {printable(pooling)} is not known",
                code="training.unknown-choice",
                hint=f"use {', '.join(POOLINGS)}",
                setting="pooling",
                value=pooling,
            )
        backbone = ResNet(name)
        net = Embedder(backbone, backbone.num_features, embedding_dim, pooling)
    elif name.startswith(TIMM):
        net = make_timm_model(name.removeprefix(TIMM), embedding_dim, weights == PRETRAINED)
    elif ":" in name:
        net = CustomEmbedder(name, embedding_dim)
    else:
        raise UsageError(
            f"model {printable(name)} is not known",
            code="training.unknown-choice",
            hint=f"use {', '.join(RESNETS)}, {TIMM}NAME, or my_module:make_model",
            setting="model",
            value=name,
        )
    if weights and weights != PRETRAINED:
        load_weights(net.backbone, Path(weights))
    return net


def make_timm_model(name: str, embedding_dim: int, pretrained: bool) -> Embedder:
    """Make a model of timm, with the pooling that it comes with. Raises `UsageError`."""
    try:
        import timm
    except ImportError as exc:
        raise UsageError(
            f"model {TIMM}{printable(name)} needs timm, which is not installed",
            code="training.missing-package",
            hint="pip install timm, with a torch and a torchvision that fit each other",
            package="timm",
        ) from exc
    if name not in timm.list_models():
        raise UsageError(
            f"timm has no model {printable(name)}",
            code="training.unknown-timm-model",
            hint="list them: python -c 'import timm; print(timm.list_models())'",
            model=name,
        )
    backbone = timm.create_model(name, pretrained=pretrained, num_classes=0)
    # Some models return another number of features than `num_features`, and name it so.
    num_features = getattr(backbone, "head_hidden_size", None) or backbone.num_features
    return Embedder(backbone, num_features, embedding_dim, "")


def normalize_pixels(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Turn uint8 (B, H, W, 3) into float32 (B, 3, H, W) on ``device``, by ImageNet's mean and deviation."""
    mean, std = (torch.tensor(values, device=device) * 255 for values in (MEAN, STD))  # (3,)
    tensor = torch.from_numpy(pixels)
    if device.type == "cuda":
        tensor = tensor.pin_memory().to(device, non_blocking=True)
    # The memory keeps the channels of a pixel together, as the network's convolutions want them.
    return ((tensor - mean) / std).permute(0, 3, 1, 2)


def load_weights(backbone: nn.Module, path: Path) -> None:
    """Load a state dict with the backbone's names, without torchvision's classifier ``fc``. Raises `UsageError`."""
    loaded = {name: value for name, value in read_weights(path).items() if not name.startswith("fc.")}
    wanted = backbone.state_dict()
    # Files written before PyTorch 0.4.1 do not count batches. They are counted for nothing here.
    missing = [name for name in wanted if name not in loaded and not name.endswith("num_batches_tracked")]
    unknown = [name for name in loaded if name not in wanted]
    misshapen = [name for name in loaded if name in wanted and loaded[name].shape != wanted[name].shape]
    problems = {"it lacks": missing, "the model has no": unknown, "the shapes differ of": misshapen}
    for problem, names in problems.items():
        if names:
            raise UsageError(
                f"{path} is not a file of weights for this model: {problem} {first_few(names, 3)}; nothing was loaded",
                code="training.weights-do-not-fit",
                hint="use a state dict of the same --model, with torchvision's names",
                path=path,
                names=names,
            )
    backbone.load_state_dict(loaded, strict=False)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a ``.safetensors`` file or of a state dict saved by torch. Executes nothing in the file.

    Raises `UsageError`.
    """
    try:
        if path.suffix == ".safetensors":
            with runs.require_extra("reading .safetensors"):
                from safetensors.torch import load_file
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
            raise TypeError("it holds something else than a state dict")
    except UsageError:
        raise
    except Exception as exc:  # torch and safetensors raise many types for what is not theirs
        raise UsageError(
            f"cannot read {path} as weights: {summarize(exc)}; nothing was loaded",
            code="training.weights-unreadable",
            hint="use a state dict saved with torch.save, or a .safetensors file",
            path=path,
        ) from exc
    return loaded


def hash_file(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal. Raises `UsageError`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise UsageError(
            f"cannot read {path} as weights: {exc.strerror or exc}",
            code="training.weights-unreadable",
            hint="use --weights with a file",
            path=path,
        ) from exc
