"""Settings from files: two recipes that come with dmlkit, and TOML files of users."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from dmlkit.errors import UsageError
from dmlkit.text import printable, summarize
from dmlkit.training import custom, losses
from dmlkit.training.losses import LossOptions
from dmlkit.training.train import TrainSettings

FOLDER = Path(__file__).parent
POSITIVE = ("embedding_dim", "crop_px", "epochs", "batch_size", "per_class", "lr")
SHARES = ("holdout", "warmup")


def make_settings(config: str | Path | None = None, **chosen: Any) -> TrainSettings:
    """Return the settings of a run: the chosen ones, then those of a TOML file, then the recipe of the model.

    ``chosen`` are fields of `TrainSettings`; ``loss_options`` is a mapping, and ``loss`` and ``model`` may be a class
    or function of a module. Raises `UsageError` for an unknown name, a wrong type or a number out of range.
    """
    values = {**(read_config(config) if config is not None else {}), **chosen}
    for name in ("loss", "model"):
        if callable(values.get(name)):
            values[name] = custom.name_custom(values[name])
    options = check_values(values.pop("loss_options", {}), LossOptions())
    values = check_values(values, TrainSettings())
    model, loss = values.get("model", TrainSettings.model), values.get("loss", TrainSettings.loss)
    recipe = check_values(read_config("small" if model == "small" else "resnet"), TrainSettings())
    settings = TrainSettings(**{**recipe, **values, "model": model}, loss_options=losses.loss_options(loss, **options))
    for name, value in asdict(settings).items():
        if (name in POSITIVE and not value > 0) or (name in SHARES and not 0 <= value < 1):
            raise UsageError(
                f"{name} {value} is out of range",
                code="training.out-of-range",
                hint="use a share between 0 and 1" if name in SHARES else "use a number above 0",
                setting=name,
                value=value,
            )
    return settings


def read_config(config: str | Path) -> dict[str, Any]:
    """Read the settings of a TOML file, or of the recipe of that name. Raises `UsageError`."""
    path = Path(config)
    recipe = FOLDER / path.with_suffix(".toml")
    if not path.is_file() and path.name == str(path) and recipe.is_file():
        path = recipe
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise UsageError(
            f"cannot read {printable(str(config))} as settings: {summarize(exc)}",
            code="training.config-unreadable",
            hint=f"use a TOML file, or one of the recipes {', '.join(sorted(p.stem for p in FOLDER.glob('*.toml')))}",
            path=config,
        ) from exc


def check_values(values: object, defaults: TrainSettings | LossOptions) -> dict[str, Any]:
    """Return the values of settings in the types of ``defaults``. Raises `UsageError` for a wrong name or type."""
    if not isinstance(values, Mapping):
        raise wrong_type("loss_options", values, "table")
    known = {field.name: getattr(defaults, field.name) for field in fields(defaults)}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, [*known, "loss_options"], 3, 0.5)
            raise UsageError(
                f"there is no setting {printable(name)}",
                code="training.unknown-setting",
                hint=f"did you mean {' or '.join(near)}?" if near else f"settings are {', '.join(known)}",
                setting=name,
                near=near,
            )
        kind = type(known[name])
        if kind is float and type(value) is int:
            value = float(value)
        if kind is tuple and isinstance(value, list | tuple):
            item = type(known[name][0])
            value = tuple(float(v) if item is float and type(v) is int else v for v in value)
            if not all(type(v) is item for v in value):
                raise wrong_type(name, value, f"list of {item.__name__}")
        if type(value) is not kind:
            raise wrong_type(name, value, "list" if kind is tuple else kind.__name__)
        checked[name] = value
    return checked


def wrong_type(name: str, value: object, wanted: str) -> UsageError:
    """Make the error for a setting of another type than its default."""
    return UsageError(
        f"the setting {name} is a {wanted}, not {printable(repr(value))[:100]}",
        code="training.wrong-type",
        hint=f"for example: {name} = {'[0.25, 0.35, 0.45]' if wanted == 'list of float' else '...'}",
        setting=name,
        value=value,
    )
