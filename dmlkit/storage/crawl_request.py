"""One request of a crawl: the bytes of an image, or the status why there are none."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import zlib
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from dmlkit.schema.statuses import STATUS_NAMES, TRANSIENT_STATUSES
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.storage.download import parse_retry_after
from dmlkit.text import printable, redact_url

# Words of `X-Robots-Tag` by which a server asks not to be collected for such a dataset.
OPT_OUTS = frozenset(["noai", "noimageai", "noindex", "none"])

# Words of `X-Robots-Tag` with a value behind a colon; before any other colon is the robot that is meant.
WORDS_WITH_VALUE = frozenset(["max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"])

# HTTP statuses that send a client to another address.
REDIRECTS = frozenset([301, 302, 303, 307, 308])

# HTTP statuses with a status of dmlkit of their own.
OWN_STATUS = frozenset([401, 403, 404, 410, 429])

# Letters of an address or error in the detail of a status.
MOST_LETTERS = 200


class CrawlFailure(Exception):
    """A try that brought no image. ``pause`` is the number of seconds that the server asked for."""

    def __init__(self, status: str, detail: str = "", pause: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.pause = pause


class PrivateAddressError(OSError):
    """A host name leads into the local network."""


class PublicResolver(AbstractResolver):
    """Resolves host names and refuses addresses of this machine and of the local network."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises `PrivateAddressError`."""
        addresses = await self._resolver.resolve(host, port, family)
        for entry in addresses:
            if not ipaddress.ip_address(entry["host"].split("%")[0]).is_global:
                raise PrivateAddressError(f"{host} leads to {entry['host']}, an address of the local network")
        return addresses

    async def close(self) -> None:
        """Close the resolver."""
        await self._resolver.close()


async def open_session(policy: CrawlPolicy) -> aiohttp.ClientSession:
    """Open the connections of a crawler. Proxies and certificates are those of the environment."""
    connector = aiohttp.TCPConnector(
        limit=policy.connections,
        limit_per_host=policy.per_host,
        ttl_dns_cache=3600,
        resolver=ThreadedResolver() if policy.allow_private_hosts else PublicResolver(),
        ssl=ssl.create_default_context(),  # one for all: making one costs more than an image
        keepalive_timeout=30,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=policy.total, sock_connect=policy.connect, sock_read=policy.stall),
        trust_env=bool(getproxies()),  # looking for one at each request costs as much as the request
        auto_decompress=False,  # aiohttp has no bound; see `decompress`
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": policy.user_agent, "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"},
    )


async def fetch(session: aiohttp.ClientSession, url: str, policy: CrawlPolicy) -> bytes:
    """Fetch the bytes at a URL, behind at most ``policy.redirects`` redirects. Raises `CrawlFailure`."""
    for _ in range(policy.redirects + 1):
        check_address(url, policy.allow_private_hosts)
        try:
            async with session.get(url, allow_redirects=False) as response:
                location = response.headers.get("Location")
                if response.status not in REDIRECTS or location is None:
                    return await read_body(response, policy)
                url = urljoin(url, location)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
            raise to_failure(exc) from exc
    raise CrawlFailure("redirects", f"more than {policy.redirects}, the last to {shorten(url)}")


def check_address(url: str, allow_private: bool) -> None:
    """Raise `CrawlFailure` unless the URL is an HTTP address, for a number that leads into the local network too."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as exc:
        raise CrawlFailure("bad-url", str(exc)) from exc
    if parts.scheme not in ("http", "https") or not host:
        raise CrawlFailure("bad-url", shorten(url))
    with contextlib.suppress(ValueError):  # a name: the resolver looks at where it leads
        if not allow_private and not ipaddress.ip_address(host).is_global:
            raise CrawlFailure("private-address", host)


async def read_body(response: aiohttp.ClientResponse, policy: CrawlPolicy) -> bytes:
    """Read the image's bytes. Raises `CrawlFailure` for every answer that is not one."""
    status, headers = response.status, response.headers
    if status != 200:
        reason = f"http-{status}" if status in OWN_STATUS else f"http-{status // 100}xx"
        reason = reason if reason in STATUS_NAMES else "http-other"
        pause = parse_retry_after(headers.get("Retry-After")) if reason in TRANSIENT_STATUSES else None
        raise CrawlFailure(reason, f"HTTP {status}", pause)
    if policy.respect_opt_outs and opts_out(headers.getall("X-Robots-Tag", [])):
        words = printable(", ".join(headers.getall("X-Robots-Tag")))
        raise CrawlFailure("opt-out", "X-Robots-Tag: " + words[:MOST_LETTERS])
    if "photo_unavailable" in response.url.path:
        raise CrawlFailure("placeholder", f"behind a redirect to {shorten(str(response.url))}")
    if (response.content_length or 0) > policy.most_bytes:
        raise CrawlFailure("too-large", f"{response.content_length} bytes")
    parts, num_bytes = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        num_bytes += len(part)
        if num_bytes > policy.most_bytes:
            raise CrawlFailure("too-large", f"more than {policy.most_bytes} bytes")
    return decompress(b"".join(parts), headers.get("Content-Encoding", ""), policy.most_bytes)


def opts_out(values: Iterable[str]) -> bool:
    """Return whether headers ``X-Robots-Tag`` ask everyone or dmlkit not to collect."""
    for value in values:
        agent = ""
        for part in value.split(","):
            before, colon, word = part.rpartition(":")
            if colon and before.strip().lower().partition(":")[0] in WORDS_WITH_VALUE:
                continue
            agent = before.strip().lower() if colon else agent
            if agent in ("", "*", "dmlkit") and word.strip().lower() in OPT_OUTS:
                return True
    return False


def decompress(data: bytes, encoding: str, most: int) -> bytes:
    """Return the bytes of a server that compresses although it was asked not to, at most ``most`` of them."""
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        return data
    stream = zlib.decompressobj(wbits=47)  # gzip or zlib, as the header says
    try:
        full = stream.decompress(data, most)
    except zlib.error as exc:
        raise CrawlFailure("broken-off", f"not the {encoding} that it says: {exc}") from exc
    if stream.unconsumed_tail:
        raise CrawlFailure("too-large", f"unpacks to more than {most} bytes")
    return full


def to_failure(exc: BaseException) -> CrawlFailure:
    """Return the failure, with its status, for an exception of aiohttp."""
    cause = exc.os_error if isinstance(exc, aiohttp.ClientConnectorError) else exc
    detail = f"{type(exc).__name__}: {redact_url(str(exc))}"[:MOST_LETTERS]
    if isinstance(exc, CrawlFailure):
        return exc
    if isinstance(cause, PrivateAddressError):
        return CrawlFailure("private-address", str(cause))
    if isinstance(exc, aiohttp.ClientConnectorDNSError):
        return CrawlFailure("dns", detail)
    if isinstance(exc, aiohttp.ClientSSLError | ssl.SSLError):
        return CrawlFailure("tls", detail)
    if isinstance(exc, TimeoutError):
        return CrawlFailure("timeout", detail)
    if isinstance(
        exc, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError
    ):
        return CrawlFailure("refused", detail)
    if isinstance(exc, aiohttp.InvalidURL | ValueError):
        return CrawlFailure("bad-url", detail)
    return CrawlFailure("broken-off", detail)


def shorten(url: str) -> str:
    """Return the start of a URL, printable and without credentials, for the detail of a status."""
    return printable(redact_url(url))[:MOST_LETTERS]
