"""Downloads of whole archives: resumed where they broke off, checked, and put in place only when they are right."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from dmlkit import __version__
from dmlkit.errors import SourceError

USER_AGENT = f"dmlkit/{__version__} (builds research data sets; python-requests)"
TIMEOUT = (10.0, 60.0)
ATTEMPTS = 8
MAX_REDIRECTS = 5
LONGEST_PAUSE = 300.0
CHUNK = 1024 * 1024


class Retry(Exception):
    """A failure that may pass; ``pause`` is the number of seconds that the server asked for."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


def home() -> Path:
    """The folder of dmlkit's own downloads: ``$DMLKIT_HOME``, or ``dmlkit`` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("DMLKIT_HOME") or Path(cache) / "dmlkit")


def download(
    url: str,
    target: Path,
    *,
    md5: str,
    size: int | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    allow_private_hosts: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Bring ``url`` to ``target``, going on with ``<target>.part`` of an earlier try.

    ``progress(done, total)`` counts bytes. Raises `SourceError` where the server refuses, stays away, sends a web
    page, or sends other bytes than those of ``md5``.
    """
    if target.is_file() and md5_of(target) == md5:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    pause = 1.0
    for attempt in range(1, ATTEMPTS + 1):
        try:
            transfer(url, part, size, progress, allow_private_hosts)
            break
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError, Retry) as exc:
            if attempt == ATTEMPTS:
                raise SourceError(
                    f"{url} could not be downloaded in {ATTEMPTS} tries: {exc}; "
                    f"the {part.stat().st_size if part.exists() else 0} bytes that came are kept",
                    hint="is there a network? The same command goes on; or give the file as --from",
                ) from exc
            asked = exc.pause if isinstance(exc, Retry) else None
            sleep(min(LONGEST_PAUSE, asked if asked is not None else pause))
            pause *= 2
    got = md5_of(part)
    if got != md5:
        part.unlink()
        raise SourceError(
            f"{url} has md5 {got}, not {md5}: the download was damaged or the file was changed; it was deleted",
            hint="run the command again; if it stays so, get the file another way and give it as --from",
        )
    os.replace(part, target)
    return target


def transfer(
    url: str, part: Path, size: int | None, progress: Callable[[int, int | None], None], allow_private: bool
) -> None:
    """One try: append to ``part`` what is lacking. Raises `Retry` for what may pass and `SourceError` for the rest."""
    have = part.stat().st_size if part.exists() else 0
    if size is not None and have >= size:
        if have == size:
            return
        part.unlink()
        have = 0
    with open_url(url, have, allow_private) as response:
        if response.status_code == 416:  # the part is longer than the file: it is of another one
            part.unlink(missing_ok=True)
            raise Retry("the server has less than was downloaded before")
        if response.status_code == 429 or response.status_code >= 500:
            raise Retry(f"HTTP {response.status_code}", retry_after(response.headers.get("Retry-After")))
        if response.status_code not in (200, 206):
            raise SourceError(f"{url}: HTTP {response.status_code}", hint="get the file another way, and give --from")
        if "text/html" in response.headers.get("Content-Type", ""):
            raise SourceError(
                f"{url} answers with a web page in place of the file: a log-in, a quota or a notice",
                hint="open it in a browser to see which, and give the file as --from",
            )
        if response.status_code == 200:
            have = 0  # the server does not resume
        length = response.headers.get("Content-Length")
        total = size if size is not None else have + int(length) if length else None
        with part.open("ab" if have else "wb") as file:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                have += len(chunk)
                progress(have, total)
                if total is not None and have > total:
                    raise SourceError(f"{url} sends more than the {total} bytes of the file; stopped", hint="try again")
    if total is not None and have < total:
        raise Retry(f"it broke off after {have} of {total} bytes")


def open_url(url: str, have: int, allow_private: bool) -> requests.Response:
    """Ask for a file from byte ``have`` on, following redirects to public hosts only."""
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    for _ in range(MAX_REDIRECTS + 1):
        refuse_private(url, allow_private)
        response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUT, allow_redirects=False)
        if not response.is_redirect:
            return response
        response.close()
        url = urljoin(url, response.headers["Location"])
    raise SourceError(f"more than {MAX_REDIRECTS} redirects, the last to {url}", hint="give the file as --from")


def refuse_private(url: str, allow_private: bool) -> None:
    """Raise `SourceError` for an address of this machine or the local network, and for other schemes than HTTP."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError(f"{url} is no HTTP address")
    if allow_private:
        return
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise Retry(f"the host {parts.hostname} is not known: {exc}") from exc
    for entry in found:
        if not ipaddress.ip_address(str(entry[4][0])).is_global:
            raise SourceError(
                f"{url} leads to {entry[4][0]}, an address of the local network; refused",
                hint="--allow-private-hosts allows it",
            )


def retry_after(value: str | None) -> float | None:
    """The seconds of a ``Retry-After`` header, which has a number or a date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
