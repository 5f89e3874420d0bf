"""Downloads of whole archives: resumed where they broke off, checked, and put in place only when they are right."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from filelock import FileLock

from dmlkit import __version__
from dmlkit.errors import OutputError, SourceError

USER_AGENT = f"dmlkit/{__version__} (builds research datasets; python-requests)"
TIMEOUT = (10.0, 60.0)
ATTEMPTS = 5
"""Tries in a row that bring nothing new, before a download is given up."""

MAX_REDIRECTS = 5
LONGEST_PAUSE = 300.0
CHUNK = 64 * 1024  # what is lost of a connection that breaks
ELSEWHERE = "get the file another way and give it as --from"


class Retry(Exception):
    """A failure that may pass; ``pause`` is the number of seconds that the server asked for."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass(frozen=True)
class Archive:
    """A file that anyone may download: its name in `home`, its address, its MD5, its size in bytes, and mirrors."""

    name: str
    url: str
    md5: str
    size: int
    mirrors: tuple[str, ...] = ()


def home() -> Path:
    """The folder of dmlkit's own downloads: ``$DMLKIT_HOME``, or ``dmlkit`` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("DMLKIT_HOME") or Path(cache) / "dmlkit")


def downloaded(archive: Archive) -> Path | None:
    """The file of ``archive``, if it was downloaded before."""
    path = home() / archive.name
    return path if path.is_file() and path.stat().st_size == archive.size else None


def download_archive(
    archive: Archive,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    allow_private_hosts: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """The file of ``archive`` in `home`, downloaded where it is not there; its mirrors are tried in turn.

    What one of them sent is gone on with at the next. Raises as `download` for the last.
    """
    try:
        return download(
            archive.url,
            home() / archive.name,
            md5=archive.md5,
            size=archive.size,
            progress=progress,
            allow_private_hosts=allow_private_hosts,
            sleep=sleep,
        )
    except SourceError:
        if not archive.mirrors:
            raise
        next_one = replace(archive, url=archive.mirrors[0], mirrors=archive.mirrors[1:])
        return download_archive(next_one, progress, allow_private_hosts=allow_private_hosts, sleep=sleep)


def download(
    url: str,
    target: Path,
    *,
    md5: str,
    size: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    allow_private_hosts: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Bring ``url`` to ``target``, going on with ``<target>.part`` of an earlier try.

    ``progress(done, total)`` counts bytes. A second process that wants the same file waits for the first. Raises
    `SourceError` where the server refuses, stays away, sends a web page, or sends other bytes than those of ``md5``,
    and `OutputError` where the file cannot be written.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(target.name + ".lock")):
            if target.is_file() and md5_of(target) == md5:
                return target
            bring(url, part, size, progress, allow_private_hosts, sleep)
            got = md5_of(part)
            if got == md5:
                os.replace(part, target)
                return target
            part.unlink()
    except OSError as exc:
        raise OutputError(
            f"{target} could not be written: {exc.strerror or exc}",
            hint="make room, or choose another folder with DMLKIT_HOME; the same command goes on",
        ) from exc
    raise SourceError(
        f"{url} has md5 {got}, not {md5}: the download was damaged or the file was changed; it was deleted",
        hint=f"run the command again; if it stays so, {ELSEWHERE}",
    )


def bring(
    url: str,
    part: Path,
    size: int,
    progress: Callable[[int, int], None],
    allow_private: bool,
    sleep: Callable[[float], None],
) -> None:
    """Fill ``part``, trying again as long as tries bring it on. Raises `SourceError`."""
    most = size_of(part)
    idle = 0
    while True:
        try:
            return transfer(url, part, size, progress, allow_private)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError, Retry) as exc:
            idle = 0 if size_of(part) > most else idle + 1
            most = max(most, size_of(part))
            if idle == ATTEMPTS:
                raise SourceError(
                    f"{url} could not be downloaded: {exc}; {ATTEMPTS} tries brought nothing new, "
                    f"the {size_of(part)} bytes that came are kept",
                    hint="is there a network? The same command goes on; or give the file as --from",
                ) from exc
            asked = exc.pause if isinstance(exc, Retry) else None
            sleep(min(LONGEST_PAUSE, asked if asked is not None else 2.0 ** (idle - 1)))
        except (requests.RequestException, ValueError) as exc:  # an address or an answer that is none
            raise SourceError(f"{url} could not be downloaded: {exc}", hint="give the file as --from") from exc


def transfer(url: str, part: Path, size: int, progress: Callable[[int, int], None], allow_private: bool) -> None:
    """One try: append to ``part`` what is lacking. Raises `Retry` for what may pass and `SourceError` for the rest."""
    if size_of(part) > size:
        part.unlink()
    have = size_of(part)
    if have == size:
        return
    with open_url(url, have, allow_private) as response:
        have = start_of(response, url, part, size)
        with part.open("ab" if have else "wb") as file:
            for chunk in response.iter_content(CHUNK):
                have += len(chunk)
                if have > size:
                    break
                file.write(chunk)
                progress(have, size)
    if have > size:
        part.unlink()
        raise SourceError(f"{url} sends more than the {size} bytes of the file; stopped", hint=ELSEWHERE)
    if have < size:
        raise Retry(f"it broke off after {have} of {size} bytes")


def start_of(response: requests.Response, url: str, part: Path, size: int) -> int:
    """The place in the file where the bytes of an answer begin. Raises `Retry` and `SourceError` as `transfer`."""
    status, headers = response.status_code, response.headers
    if status in (408, 425, 429) or status >= 500:
        raise Retry(f"HTTP {status}", retry_after(headers.get("Retry-After")))
    if status not in (200, 206, 416):
        raise SourceError(f"{url}: HTTP {status}", hint=ELSEWHERE)
    if "text/html" in headers.get("Content-Type", ""):
        raise SourceError(
            f"{url} answers with a web page in place of the file: a log-in, a quota or a notice",
            hint="open it in a browser to see which, and give the file as --from",
        )
    have = size_of(part) if status == 206 else 0  # a server that answers 200 does not resume
    if status == 416 or (have and not headers.get("Content-Range", "").startswith(f"bytes {have}-")):
        part.unlink(missing_ok=True)
        raise Retry("the server does not go on from what was downloaded before, which was deleted")
    length = headers.get("Content-Length")
    if length and "Content-Encoding" not in headers and have + int(length) != size:
        raise SourceError(f"{url} is {have + int(length)} bytes long, not {size}: it was changed", hint=ELSEWHERE)
    return have


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
        raise SourceError(f"{url} is no HTTP address", hint=ELSEWHERE)
    if allow_private:
        return
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except OSError as exc:
        if requests.utils.get_environ_proxies(url):
            return  # behind a proxy, names are known to the proxy only
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
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def host_of(url: str) -> str:
    """The part of a URL that says which server is asked."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""
