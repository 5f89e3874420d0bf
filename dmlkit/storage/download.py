"""Downloads of whole archives: resumed where they broke off, checked, and put in place only if they are right."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from filelock import FileLock

from dmlkit import __version__
from dmlkit.errors import OutputError, SourceError
from dmlkit.schema.progress import CountProgress, no_count_progress
from dmlkit.storage.locations import cache_dir
from dmlkit.text import redact_url

USER_AGENT = f"dmlkit/{__version__} (builds research datasets; python-requests)"

# Seconds to connect, and seconds without a byte.
TIMEOUT = (10.0, 60.0)

# Tries in a row that bring nothing new, before a download is given up.
ATTEMPTS = 5

# Redirects that are followed for one request.
MAX_REDIRECTS = 5

# Seconds: the longest pause between two tries, whatever a server asks for.
LONGEST_PAUSE = 300.0

# Bytes that are lost of a connection that breaks.
CHUNK = 64 * 1024

ELSEWHERE = "get the file another way and give it as --from"


class RetryableError(Exception):
    """A failure that may pass; ``pause`` is the number of seconds that the server asked for."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass(frozen=True)
class Archive:
    """A file that anyone may download: its name in `cache_dir`, its address, MD5, length in bytes, and mirrors."""

    name: str
    url: str
    md5: str
    num_bytes: int
    mirrors: tuple[str, ...] = ()


@dataclass(frozen=True)
class DownloadOptions:
    """How to download: ``progress`` counts bytes, ``sleep`` waits between tries."""

    progress: CountProgress = no_count_progress
    allow_private_hosts: bool = False
    sleep: Callable[[float], None] = time.sleep


def find_download(archive: Archive) -> Path | None:
    """Return the file of ``archive`` if it was downloaded before."""
    path = cache_dir() / archive.name
    return path if path.is_file() and path.stat().st_size == archive.num_bytes else None


def download_archive(
    archive: Archive,
    progress: CountProgress = no_count_progress,
    *,
    allow_private_hosts: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Return the file of ``archive`` in `cache_dir`, downloaded if it does not exist; mirrors are tried in turn.

    What one server sent is continued at the next. Raises like `download`, for the last server.
    """
    options = DownloadOptions(progress, allow_private_hosts, sleep)
    *others, last = (archive.url, *archive.mirrors)
    for url in others:
        try:
            return download(url, archive, options)
        except SourceError:
            continue
    return download(last, archive, options)


def download(url: str, archive: Archive, options: DownloadOptions) -> Path:
    """Download ``archive`` from ``url`` to `cache_dir`, resuming ``<name>.part`` of an earlier try.

    A second process that wants the same file waits for the first. Raises `SourceError` if the server refuses, cannot
    be reached, sends a web page, or sends other bytes than those of the MD5; raises `OutputError` if the file cannot
    be written.
    """
    target = cache_dir() / archive.name
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(target.name + ".lock")):
            if target.is_file() and compute_md5(target) == archive.md5:
                return target
            download_with_retries(url, part, archive.num_bytes, options)
            md5 = compute_md5(part)
            if md5 == archive.md5:
                os.replace(part, target)
                return target
            part.unlink()
    except OSError as exc:
        raise OutputError(
            f"{target} could not be written: {exc.strerror or exc}",
            code="storage.download-not-written",
            hint="make room, or choose another folder with DMLKIT_HOME; the same command resumes",
            path=target,
        ) from exc
    raise SourceError(
        f"{redact_url(url)} has md5 {md5}, not {archive.md5}: the download was damaged or the file was changed; "
        "it was deleted",
        code="storage.wrong-md5",
        hint=f"run the command again; if it stays so, {ELSEWHERE}",
        url=redact_url(url),
        md5=md5,
    )


def download_with_retries(url: str, part: Path, num_bytes: int, options: DownloadOptions) -> None:
    """Fill ``part``, trying again as long as tries bring new bytes. Raises `SourceError`."""
    most = length_of(part)
    idle = 0
    shown = redact_url(url)
    while True:
        try:
            return download_once(url, part, num_bytes, options)
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            RetryableError,
        ) as exc:
            idle = 0 if length_of(part) > most else idle + 1
            most = max(most, length_of(part))
            if idle == ATTEMPTS:
                raise SourceError(
                    f"{shown} could not be downloaded: {redact_url(str(exc))}; {ATTEMPTS} tries brought nothing new, "
                    f"the {length_of(part)} bytes that came are kept",
                    code="storage.no-connection",
                    hint="check the network and run the command again: it resumes; or give the file as --from",
                    url=shown,
                    num_bytes=length_of(part),
                ) from exc
            pause = exc.pause if isinstance(exc, RetryableError) else None
            options.sleep(min(LONGEST_PAUSE, pause if pause is not None else 2.0 ** (idle - 1)))
        except (requests.RequestException, ValueError) as exc:  # not an address, or not an answer in HTTP
            raise SourceError(
                f"{shown} could not be downloaded: {redact_url(str(exc))}",
                code="storage.bad-answer",
                hint="give the file as --from",
                url=shown,
            ) from exc


def download_once(url: str, part: Path, num_bytes: int, options: DownloadOptions) -> None:
    """Append to ``part`` what is missing, in one request.

    Raises `RetryableError` for what may pass and `SourceError` for the rest.
    """
    if length_of(part) > num_bytes:
        part.unlink()
    have = length_of(part)
    if have == num_bytes:
        return
    with open_url(url, have, options.allow_private_hosts) as response:
        have = resume_offset(response, url, part, num_bytes)
        with part.open("ab" if have else "wb") as file:
            for chunk in response.iter_content(CHUNK):
                have += len(chunk)
                if have > num_bytes:
                    break
                file.write(chunk)
                options.progress(have, num_bytes)
    if have > num_bytes:
        part.unlink()
        raise SourceError(
            f"{redact_url(url)} sends more than the {num_bytes} bytes of the file; stopped",
            code="storage.endless-download",
            hint=ELSEWHERE,
            url=redact_url(url),
            num_bytes=num_bytes,
        )
    if have < num_bytes:
        raise RetryableError(f"it broke off after {have} of {num_bytes} bytes")


def resume_offset(response: requests.Response, url: str, part: Path, num_bytes: int) -> int:
    """Return the byte of the file at which the bytes of an answer begin.

    Raises `RetryableError` and `SourceError` like `download_once`.
    """
    status, headers = response.status_code, response.headers
    shown = redact_url(url)
    if status in (408, 425, 429) or status >= 500:
        raise RetryableError(f"HTTP {status}", parse_retry_after(headers.get("Retry-After")))
    if status not in (200, 206, 416):
        raise SourceError(
            f"{shown}: HTTP {status}", code="storage.http-error", hint=ELSEWHERE, url=shown, http_status=status
        )
    if "text/html" in headers.get("Content-Type", ""):
        raise SourceError(
            f"{shown} answers with a web page in place of the file: a log-in, a quota or a notice",
            code="storage.web-page",
            hint="open it in a browser to see which, and give the file as --from",
            url=shown,
        )
    have = length_of(part) if status == 206 else 0  # a server that answers 200 does not resume
    if status == 416 or (have and not headers.get("Content-Range", "").startswith(f"bytes {have}-")):
        part.unlink(missing_ok=True)
        raise RetryableError("the server does not resume what was downloaded before, which was deleted")
    length = headers.get("Content-Length")
    if length and "Content-Encoding" not in headers and have + int(length) != num_bytes:
        raise SourceError(
            f"{shown} is {have + int(length)} bytes long, not {num_bytes}: it was changed",
            code="storage.wrong-length",
            hint=ELSEWHERE,
            url=shown,
            num_bytes=have + int(length),
        )
    return have


def open_url(url: str, have: int, allow_private: bool) -> requests.Response:
    """Request a file from byte ``have`` on, following redirects to public hosts only."""
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    for _ in range(MAX_REDIRECTS + 1):
        check_address(url, allow_private)
        response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUT, allow_redirects=False)
        if not response.is_redirect:
            return response
        response.close()
        url = urljoin(url, response.headers["Location"])
    raise SourceError(
        f"more than {MAX_REDIRECTS} redirects, the last to {redact_url(url)}",
        code="storage.redirects",
        hint="give the file as --from",
        url=redact_url(url),
    )


def check_address(url: str, allow_private: bool) -> None:
    """Raise `SourceError` for an address of this machine or the local network, and for any scheme but HTTP."""
    parts = urlsplit(url)
    shown = redact_url(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError(f"{shown} is not an HTTP address", code="storage.not-http", hint=ELSEWHERE, url=shown)
    if allow_private:
        return
    try:
        addresses = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except OSError as exc:
        if requests.utils.get_environ_proxies(url):
            return  # behind a proxy, names are known to the proxy only
        raise RetryableError(f"the host {parts.hostname} is not known: {exc}") from exc
    for entry in addresses:
        if not ipaddress.ip_address(str(entry[4][0])).is_global:
            raise SourceError(
                f"{shown} leads to {entry[4][0]}, an address of the local network; refused",
                code="storage.private-address",
                hint="--allow-private-hosts allows it",
                url=shown,
                address=str(entry[4][0]),
            )


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds of a ``Retry-After`` header, which has a number or a date; None if it has neither."""
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


def compute_md5(path: Path) -> str:
    """Return the MD5 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def length_of(path: Path) -> int:
    """Return the bytes of a file; 0 if it does not exist."""
    return path.stat().st_size if path.exists() else 0


def host_of(url: str) -> str:
    """Return the host and port of a URL in small letters: which server is asked; empty if it is not a URL."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
