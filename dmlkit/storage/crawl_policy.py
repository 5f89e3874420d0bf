"""How servers are asked."""

from __future__ import annotations

from dataclasses import dataclass

from dmlkit import __version__


@dataclass(frozen=True)
class CrawlPolicy:
    """How servers are asked. Times in seconds. ``pause`` is the first of the growing pauses between tries."""

    contact: str = ""
    connections: int = 64
    per_host: int = 8
    tries: int = 4
    pause: float = 1.0
    longest_pause: float = 120.0
    connect: float = 10.0
    stall: float = 20.0
    total: float = 90.0
    most_bytes: int = 64 * 1024 * 1024
    redirects: int = 5
    respect_opt_outs: bool = True
    allow_private_hosts: bool = False

    @property
    def user_agent(self) -> str:
        contact = f"; contact: {self.contact}" if self.contact else ""
        return f"dmlkit/{__version__} (builds image datasets for research{contact})"
