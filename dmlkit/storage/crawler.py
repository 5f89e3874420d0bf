"""Many images by URL: from many hosts at once, politely at each. One `Crawler` serves a process for all its units."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import heapq
import ipaddress
import socket
import ssl
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from dmlkit.schema.statuses import STATUS_NAMES, TRANSIENT_STATUSES
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.storage.download import host_of, retry_after
from dmlkit.text import printable

OPT_OUTS = frozenset(["noai", "noimageai", "noindex", "none"])
"""Words of ``X-Robots-Tag`` by which a server asks not to be collected for such a dataset."""

VALUED = frozenset(["max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"])
"""Words of ``X-Robots-Tag`` with a value behind a colon; before other colons stands the robot that is meant."""

REDIRECTS = frozenset([301, 302, 303, 307, 308])
DEAD_AFTER = 6
"""URLs in a row that could not be reached in all their tries, after which this process leaves their host alone."""

UNREACHED = frozenset(["dns", "refused", "timeout"])
NAMED = frozenset([401, 403, 404, 410, 429])
"""HTTP answers with a status of their own."""


@dataclass(frozen=True)
class Answer:
    """What came of one URL: the bytes, or the status why there are none. ``key`` is the caller's."""

    key: int
    data: bytes = b""
    status: str | None = None
    detail: str = ""


class Failure(Exception):
    """A try that brought no image. ``pause`` is the number of seconds that the server asked for."""

    def __init__(self, status: str, detail: str = "", pause: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.pause = pause


class PrivateAddress(OSError):
    """A name leads into the local network."""


class PublicResolver(AbstractResolver):
    """Names → addresses; those of this machine and of the local network are refused."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for entry in found:
            if not ipaddress.ip_address(entry["host"].split("%")[0]).is_global:
                raise PrivateAddress(f"{host} leads to {entry['host']}, an address of the local network")
        return found

    async def close(self) -> None:
        await self._resolver.close()


@dataclass
class Host:
    """What is known of one server: who waits for it, how many ask it now, and when it may be asked again."""

    waiting: list[tuple[float, int, str, int]] = field(default_factory=list)
    """A heap of (not before, key, URL, tries so far)."""
    queued: bool = False
    active: int = 0
    rests_until: float = 0.0
    lost: int = 0
    """URLs in a row that were given up because the host could not be reached."""

    def ready_at(self) -> float:
        return max(self.rests_until, self.waiting[0][0])


@lru_cache(maxsize=1)
def crawler(policy: CrawlPolicy) -> Crawler:
    """The crawler of this process: its connections, DNS answers and knowledge of hosts outlive a unit."""
    found = Crawler(policy)
    atexit.register(found.close)
    return found


class Crawler:
    """Fetches URLs in the thread of its caller: whenever an answer is asked for, and a little at each one.

    Between two answers the caller judges an image; what servers send meanwhile waits in the system's buffers. A
    second thread would cost more in handing over than an image costs in fetching.
    """

    def __init__(self, policy: CrawlPolicy) -> None:
        self.policy = policy
        self._hosts: dict[str, Host] = defaultdict(Host)
        self._loop = asyncio.new_event_loop()
        self._session = self._loop.run_until_complete(open_session(policy))

    def close(self) -> None:
        """Close all connections."""
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._session.close())
            self._loop.close()

    def answers(self, links: Iterable[tuple[int, str]]) -> Iterator[Answer]:
        """One `Answer` for each (key, URL), in the order in which they come.

        No more images are held than there are connections: fetching waits for the caller.
        """
        came: deque[Answer] = deque()
        room = asyncio.Semaphore(self.policy.connections)
        something = asyncio.Event()
        crawl = self._loop.create_task(self._crawl(list(links), came, something, room))
        try:
            while True:
                self._loop.run_until_complete(turn(crawl, came, something))
                if not came:
                    break
                yield came.popleft()
                room.release()
            crawl.result()
        finally:
            crawl.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(crawl)

    async def _crawl(
        self,
        links: list[tuple[int, str]],
        came: deque[Answer],
        something: asyncio.Event,
        room: asyncio.Semaphore,
    ) -> None:
        """Ask for all links, each host within its limits, and put the answers into ``came``."""
        ready: deque[Host] = deque()
        for key, url in links:
            wait_for(self._hosts[host_of(url)], (0.0, key, url, 0), ready)
        left = len(links)
        changed = asyncio.Event()

        async def one(host: Host, key: int, url: str, tried: int) -> None:
            nonlocal left
            try:
                answer = await self._attempt(host, key, url, tried, ready)
            finally:
                host.active -= 1
            if answer is None:
                room.release()
            else:
                left -= 1
                came.append(answer)
                something.set()
            changed.set()

        try:
            async with asyncio.TaskGroup() as tasks:
                while left:
                    await room.acquire()
                    while left and (host := self._next(ready)) is None:
                        changed.clear()
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(changed.wait(), self._idle_seconds(ready))
                    if left and host is not None:
                        _, key, url, tried = heapq.heappop(host.waiting)
                        host.active += 1
                        tasks.create_task(one(host, key, url, tried))
        finally:
            for host in ready:
                host.waiting.clear()
                host.queued = False
            something.set()

    def _next(self, ready: deque[Host]) -> Host | None:
        """A host that may be asked now; each in its turn."""
        now = time.monotonic()
        for _ in range(len(ready)):
            host = ready.popleft()
            host.queued = bool(host.waiting)
            if host.queued:
                ready.append(host)
                if host.active < self.policy.per_host and host.ready_at() <= now:
                    return host
        return None

    def _idle_seconds(self, ready: deque[Host]) -> float:
        """How long nothing can be asked, unless something is answered before."""
        rested = [host.ready_at() for host in ready if host.waiting and host.active < self.policy.per_host]
        return max(0.001, min(rested) - time.monotonic()) if rested else 60.0

    async def _attempt(self, host: Host, key: int, url: str, tried: int, ready: deque[Host]) -> Answer | None:
        """One try: its answer, or None where another one follows."""
        m = self.policy
        if host.lost >= DEAD_AFTER:
            return Answer(key, b"", "unreachable", f"its host failed {host.lost} times before")
        try:
            data = await self._fetch(url)
        except Failure as failure:
            asked = failure.pause
            if asked is not None:
                host.rests_until = time.monotonic() + min(asked, m.longest_pause)
            if failure.status in TRANSIENT_STATUSES and tried + 1 < m.tries and (asked or 0.0) <= m.longest_pause:
                pause = asked if asked is not None else min(m.longest_pause, m.pause * 2**tried)
                wait_for(host, (time.monotonic() + pause, key, url, tried + 1), ready)
                return None
            host.lost = host.lost + 1 if failure.status in UNREACHED else 0
            return Answer(key, b"", failure.status, failure.detail)
        host.lost = 0
        return Answer(key, data)

    async def _fetch(self, url: str) -> bytes:
        """The bytes at a URL, behind at most so many redirects. Raises `Failure`."""
        for _ in range(self.policy.redirects + 1):
            check_address(url, self.policy.allow_private_hosts)
            try:
                async with self._session.get(url, allow_redirects=False) as response:
                    place = response.headers.get("Location")
                    if response.status not in REDIRECTS or place is None:
                        return await body_of(response, self.policy)
                    url = urljoin(url, place)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
                raise failure_of(exc) from exc
        raise Failure("redirects", f"more than {self.policy.redirects}, the last to {printable(url)[:200]}")


async def open_session(m: CrawlPolicy) -> aiohttp.ClientSession:
    """The connections of a crawler. Proxies and certificates are those of the environment."""
    connector = aiohttp.TCPConnector(
        limit=m.connections,
        limit_per_host=m.per_host,
        ttl_dns_cache=3600,
        resolver=ThreadedResolver() if m.allow_private_hosts else PublicResolver(),
        ssl=ssl.create_default_context(),  # one for all: making one costs more than an image
        keepalive_timeout=30,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=m.total, sock_connect=m.connect, sock_read=m.stall),
        trust_env=bool(getproxies()),  # looking for one at each request costs as much as the request
        auto_decompress=False,  # without a bound; see `unpacked`
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": m.user_agent, "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"},
    )


async def turn(crawl: asyncio.Task[None], came: deque[Answer], something: asyncio.Event) -> None:
    """Let the network be served once, and until there is an answer or the end."""
    await asyncio.sleep(0)
    while not came and not crawl.done():
        something.clear()
        await something.wait()


def wait_for(host: Host, entry: tuple[float, int, str, int], ready: deque[Host]) -> None:
    """Put a URL into the queue of its host, and the host among those that have one."""
    heapq.heappush(host.waiting, entry)
    if not host.queued:
        host.queued = True
        ready.append(host)


def check_address(url: str, allow_private: bool) -> None:
    """Refuse what is no HTTP address, and addresses written as numbers that lead into the local network."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as exc:
        raise Failure("bad-url", str(exc)) from exc
    if parts.scheme not in ("http", "https") or not host:
        raise Failure("bad-url", printable(url)[:200])
    with contextlib.suppress(ValueError):  # a name: the resolver looks at where it leads
        if not allow_private and not ipaddress.ip_address(host).is_global:
            raise Failure("private-address", host)


async def body_of(response: aiohttp.ClientResponse, m: CrawlPolicy) -> bytes:
    """The image's bytes. Raises `Failure` for every other answer than that."""
    status, headers = response.status, response.headers
    if status != 200:
        reason = f"http-{status}" if status in NAMED else f"http-{status // 100}xx"
        reason = reason if reason in STATUS_NAMES else "http-other"
        pause = retry_after(headers.get("Retry-After")) if reason in TRANSIENT_STATUSES else None
        raise Failure(reason, f"HTTP {status}", pause)
    if m.respect_opt_outs and opts_out(headers.getall("X-Robots-Tag", [])):
        raise Failure("opt-out", "X-Robots-Tag: " + printable(", ".join(headers.getall("X-Robots-Tag")))[:200])
    if "photo_unavailable" in response.url.path:
        raise Failure("placeholder", f"behind a redirect to {printable(str(response.url))[:200]}")
    if (response.content_length or 0) > m.most_bytes:
        raise Failure("too-large", f"{response.content_length} bytes")
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > m.most_bytes:
            raise Failure("too-large", f"more than {m.most_bytes} bytes")
    return unpacked(b"".join(parts), headers.get("Content-Encoding", ""), m.most_bytes)


def opts_out(values: Iterable[str]) -> bool:
    """Whether headers ``X-Robots-Tag`` speak to everyone or to dmlkit, and say not to collect."""
    for value in values:
        agent = ""
        for part in value.split(","):
            before, colon, word = part.rpartition(":")
            if colon and before.strip().lower().partition(":")[0] in VALUED:
                continue
            agent = before.strip().lower() if colon else agent
            if agent in ("", "*", "dmlkit") and word.strip().lower() in OPT_OUTS:
                return True
    return False


def unpacked(data: bytes, encoding: str, most: int) -> bytes:
    """The bytes of a server that compresses although it was asked not to."""
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        return data
    stream = zlib.decompressobj(wbits=47)  # gzip or zlib, told by the header
    try:
        full = stream.decompress(data, most)
    except zlib.error as exc:
        raise Failure("broken-off", f"not the {encoding} that it says: {exc}") from exc
    if stream.unconsumed_tail:
        raise Failure("too-large", f"unpacks to more than {most} bytes")
    return full


def failure_of(exc: BaseException) -> Failure:
    """An exception of aiohttp as a status."""
    cause = exc.os_error if isinstance(exc, aiohttp.ClientConnectorError) else exc
    detail = f"{type(exc).__name__}: {exc}"[:200]
    if isinstance(exc, Failure):
        return exc
    if isinstance(cause, PrivateAddress):
        return Failure("private-address", str(cause))
    if isinstance(exc, aiohttp.ClientConnectorDNSError):
        return Failure("dns", detail)
    if isinstance(exc, aiohttp.ClientSSLError | ssl.SSLError):
        return Failure("tls", detail)
    if isinstance(exc, TimeoutError):
        return Failure("timeout", detail)
    if isinstance(
        exc, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError
    ):
        return Failure("refused", detail)
    if isinstance(exc, aiohttp.InvalidURL | ValueError):
        return Failure("bad-url", detail)
    return Failure("broken-off", detail)
