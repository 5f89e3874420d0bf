"""Many images by URL: from many hosts at once, politely at each. One `Crawler` serves a process for all its units."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import heapq
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from dmlkit.schema.statuses import TRANSIENT_STATUSES
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.storage.crawl_request import CrawlFailure, fetch, open_session
from dmlkit.storage.download import host_of

# URLs in a row that could not be reached in all their tries, after which this process leaves their host alone.
DEAD_AFTER = 6

# Statuses of a host that cannot be reached.
UNREACHED = frozenset(["dns", "refused", "timeout"])


@dataclass(frozen=True)
class Answer:
    """The result of one URL: the bytes, or the status why there are none. ``key`` is the caller's."""

    key: int
    data: bytes = b""
    status: str | None = None
    detail: str = ""


@dataclass
class Host:
    """One server: which URLs wait for it, how many requests it has now, and when it may be asked again."""

    waiting: list[tuple[float, int, str, int]] = field(default_factory=list)  # a heap: not before, key, URL, tries
    queued: bool = False
    active: int = 0
    rests_until: float = 0.0
    lost: int = 0  # URLs in a row that were given up because the host could not be reached

    def ready_at(self) -> float:
        """Return the time, in seconds of the monotonic clock, of the next request."""
        return max(self.rests_until, self.waiting[0][0])


@lru_cache(maxsize=1)
def shared_crawler(policy: CrawlPolicy) -> Crawler:
    """Return the crawler of this process: its connections, DNS answers and knowledge of hosts outlive a unit."""
    crawler = Crawler(policy)
    atexit.register(crawler.close)
    return crawler


class Crawler:
    """Fetches URLs in the thread of its caller: whenever an answer is asked for, and a little at each one.

    Between two answers the caller checks an image; what servers send meanwhile waits in the system's buffers. A
    second thread would cost more for each hand-over than an image costs to fetch.
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
        """Yield one `Answer` for each (key, URL), in the order in which they arrive.

        No more images are in memory than there are connections: fetching waits for the caller.
        """
        arrived: deque[Answer] = deque()
        room = asyncio.Semaphore(self.policy.connections)
        arrival = asyncio.Event()
        crawl = self._loop.create_task(self._crawl(list(links), arrived, arrival, room))
        try:
            while True:
                self._loop.run_until_complete(wait_for_answer(crawl, arrived, arrival))
                if not arrived:
                    break
                yield arrived.popleft()
                room.release()
            crawl.result()
        finally:
            crawl.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(crawl)

    async def _crawl(
        self,
        links: list[tuple[int, str]],
        arrived: deque[Answer],
        arrival: asyncio.Event,
        room: asyncio.Semaphore,
    ) -> None:
        """Fetch all links, each host within its limits, and put the answers into ``arrived``."""
        ready: deque[Host] = deque()
        for key, url in links:
            queue_url(self._hosts[host_of(url)], (0.0, key, url, 0), ready)
        left = len(links)
        changed = asyncio.Event()

        async def fetch_one(host: Host, key: int, url: str, tried: int) -> None:
            nonlocal left
            try:
                answer = await self._attempt(host, key, url, tried, ready)
            finally:
                host.active -= 1
            if answer is None:
                room.release()
            else:
                left -= 1
                arrived.append(answer)
                arrival.set()
            changed.set()

        try:
            async with asyncio.TaskGroup() as tasks:
                while left:
                    await room.acquire()
                    while left and (host := self._next_host(ready)) is None:
                        changed.clear()
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(changed.wait(), self._idle_seconds(ready))
                    if left and host is not None:
                        _, key, url, tried = heapq.heappop(host.waiting)
                        host.active += 1
                        tasks.create_task(fetch_one(host, key, url, tried))
        finally:
            for host in ready:
                host.waiting.clear()
                host.queued = False
            arrival.set()

    def _next_host(self, ready: deque[Host]) -> Host | None:
        """Return a host that may be asked now, each in its turn; None if there is none."""
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
        """Return how long no host may be asked, unless something is answered before."""
        rested = [host.ready_at() for host in ready if host.waiting and host.active < self.policy.per_host]
        return max(0.001, min(rested) - time.monotonic()) if rested else 60.0

    async def _attempt(self, host: Host, key: int, url: str, tried: int, ready: deque[Host]) -> Answer | None:
        """Fetch a URL once; return the answer, or None if another try follows."""
        policy = self.policy
        if host.lost >= DEAD_AFTER:
            return Answer(key, b"", "unreachable", f"its host failed {host.lost} times before")
        try:
            data = await fetch(self._session, url, policy)
        except CrawlFailure as failure:
            requested = failure.pause
            if requested is not None:
                host.rests_until = time.monotonic() + min(requested, policy.longest_pause)
            if (
                failure.status in TRANSIENT_STATUSES
                and tried + 1 < policy.tries
                and (requested or 0.0) <= policy.longest_pause
            ):
                pause = requested if requested is not None else min(policy.longest_pause, policy.pause * 2**tried)
                queue_url(host, (time.monotonic() + pause, key, url, tried + 1), ready)
                return None
            host.lost = host.lost + 1 if failure.status in UNREACHED else 0
            return Answer(key, b"", failure.status, failure.detail)
        host.lost = 0
        return Answer(key, data)


async def wait_for_answer(crawl: asyncio.Task[None], arrived: deque[Answer], arrival: asyncio.Event) -> None:
    """Serve the network once, and then until there is an answer or the end."""
    await asyncio.sleep(0)
    while not arrived and not crawl.done():
        arrival.clear()
        await arrival.wait()


def queue_url(host: Host, entry: tuple[float, int, str, int], ready: deque[Host]) -> None:
    """Put a URL into the queue of its host, and the host among those that have one."""
    heapq.heappush(host.waiting, entry)
    if not host.queued:
        host.queued = True
        ready.append(host)
