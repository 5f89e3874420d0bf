"""How a crawler treats servers: limits, pauses and who asks."""

from __future__ import annotations

from dataclasses import dataclass

from dmlkit import __version__


@dataclass(frozen=True)
class CrawlPolicy:
    """How a crawler treats servers. All times are in seconds.

    ``contact`` is the address of the person who crawls. ``connections`` is the limit for all hosts together, and
    ``per_host`` that of one. ``pause`` is the first of the growing pauses between the ``tries`` of a URL. ``connect``,
    ``stall`` and ``total`` limit the time to connect, without a byte, and for a whole answer.
    """

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
        """The User-Agent header, with the contact address if there is one."""
        contact = f"; contact: {self.contact}" if self.contact else ""
        return f"dmlkit/{__version__} (builds image datasets for research{contact})"
