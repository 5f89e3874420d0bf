"""What a test needs to be a client of `hub_server`, and to see that nobody else is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

GUARD = """
import sys
ELSEWHERE = []
ACTIVE = [True]

def guard(event, args):
    if ACTIVE[0] and event in ("socket.connect", "socket.getaddrinfo"):
        host = args[1][0] if event == "socket.connect" and isinstance(args[1], tuple) else args[0]
        if event == "socket.connect" and not isinstance(args[1], tuple):
            return
        if host not in ("127.0.0.1", b"127.0.0.1"):
            ELSEWHERE.append(f"{event} {host}")
            raise OSError(f"a test may not reach {host}")

sys.addaudithook(guard)
"""
"""An audit hook cannot be gone around by a library with sockets of its own, and sees child threads too."""


def facts(repo: str, revision: str) -> dict:
    """What `datasets` makes of a repository: whole, its hierarchy, a revision of it, and as a stream."""
    from datasets import load_dataset

    found = {"default": load_dataset(repo), "hierarchy": load_dataset(repo, "hierarchy")}
    found["revision"] = load_dataset(repo, revision=revision)
    stream = load_dataset(repo, streaming=True, revision=revision)
    rows = {split: list(part) for split, part in stream.items()}
    return {
        "rows": {name: {split: len(part) for split, part in of.items()} for name, of in found.items()},
        "columns": found["default"]["train"].column_names,
        "names": found["default"]["train"].features["fine"].names,
        "streamed": {split: [row["image_id"] for row in part] for split, part in rows.items()},
        "ids": {split: part["image_id"][:] for split, part in found["revision"].items()},
        "sizes": [list(row["image"].size) for row in rows["train"] if "image" in row],
    }


def environment(url: str, home: Path, token: str | None) -> dict[str, str]:
    """Of a process that takes the server at ``url`` for the hub."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    return (
        kept
        | {
            "HF_ENDPOINT": url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # `datasets` would count downloads at a place of its own
            "NO_PROXY": "127.0.0.1",
        }
        | ({"HF_TOKEN": token} if token else {})
    )


def load(url: str, home: Path, repo: str, revision: str, token: str | None = None) -> dict:
    """The same in a process of its own, which has the server's address from its environment."""
    done = subprocess.run(
        [sys.executable, __file__, repo, revision],
        env=environment(url, home, token),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def only_here():
    """Fails where this process reaches anything but 127.0.0.1."""
    hook = GUARDS.setdefault("hook", {})
    if not hook:
        exec(GUARD, hook)
    hook["ELSEWHERE"].clear()
    hook["ACTIVE"][0] = True
    try:
        yield
    finally:
        hook["ACTIVE"][0] = False
    assert not hook["ELSEWHERE"], hook["ELSEWHERE"]


GUARDS: dict[str, dict] = {}
USERS = {"hf_me": "me", "hf_read": "me:read", "hf_other": "other"}


def lead_to(patch, url: str, home: Path, token: str | None) -> None:
    """Makes this process a client of the server: the libraries have read the environment already."""
    from datasets import config
    from huggingface_hub import constants

    for name, value in {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_TOKEN_PATH": str(home / "token"),
    }.items():
        patch.setattr(constants, name, value)
    for name, value in {
        "HF_ENDPOINT": url,
        "HUB_DATASETS_URL": url + "/datasets/{repo_id}/resolve/{revision}/{path}",
        "HF_HUB_OFFLINE": False,
        "HF_DATASETS_CACHE": home / "datasets",
        "HF_UPDATE_DOWNLOAD_COUNTS": False,
        "USE_PARQUET_EXPORT": False,
    }.items():
        patch.setattr(config, name, value)
    patch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    log_in(patch, token)


def log_in(patch, token: str | None) -> None:
    patch.setenv("HF_TOKEN", token) if token else patch.delenv("HF_TOKEN", raising=False)


if __name__ == "__main__":
    with only_here():
        from datasets import config

        config.USE_PARQUET_EXPORT = False  # else datasets-server.<the hub's host> would be asked
        print(json.dumps(facts(*sys.argv[1:])))
