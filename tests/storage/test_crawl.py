"""The crawler: every fault has its status, servers are asked politely, and it ends in time."""

import socket
import time

import pytest

from dmlkit.storage import crawl_request, crawler
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.storage.images import examine
from tests.support.faulty_server import FAULTS, serving
from tests.support.images import make_image

BYTES_DECIDE = {"truncated", "html-page", "empty"}


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


@pytest.fixture
def make():
    """A crawler with the given policy, closed at the end."""
    crawlers = []

    def make_crawler(**policy):
        quick = {"allow_private_hosts": True, "pause": 0.02, "connect": 2.0, "stall": 0.6, "total": 1.5, "tries": 2}
        quick["most_bytes"] = 2**20  # so that a busy machine sends more than that before the time is up
        crawlers.append(crawler.Crawler(CrawlPolicy(**quick | policy)))
        return crawlers[-1]

    yield make_crawler
    for one in crawlers:
        one.close()


def status(answer):
    """The status after the bytes were looked at."""
    return answer.status or examine(answer.data, min_side=1).status


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_status(server, make, fault):
    (answer,) = make().answers([(3, f"{server.url}/{fault}/3")])
    assert (answer.key, status(answer)) == (3, FAULTS[fault]), answer.detail
    if FAULTS[fault] == "ok":
        expected = make_image(3, 64, 48)
        assert answer.data == expected


def test_mixed_faults_end_in_time_and_spoil_nothing(server, make):
    links = [(n * 100 + i, f"{server.url}/{fault}/{n * 100 + i}") for i in range(4) for n, fault in enumerate(FAULTS)]
    links += [(9000 + i, f"{server.url}/ok/{9000 + i}") for i in range(200)]
    started = time.monotonic()
    answers = list(make(per_host=16, total=5.0).answers(links))
    assert time.monotonic() - started < 30
    assert sorted(a.key for a in answers) == sorted(key for key, _ in links)
    for answer in answers:
        fault = "ok" if answer.key >= 9000 else list(FAULTS)[answer.key // 100]
        assert status(answer) == FAULTS[fault], (fault, answer.detail)


def test_a_redirect_into_the_local_network_is_refused(server, make, monkeypatch):
    async def trusted(self, host, port=0, family=0):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 4}]

    monkeypatch.setattr(
        crawl_request.PublicResolver, "resolve", trusted
    )  # a public host, as far as the crawler can see
    url = f"http://images.example:{server.server_port}"
    answers = make(allow_private_hosts=False).answers([(0, f"{url}/to-local/5550"), (1, f"{url}/ok/5551")])
    assert {a.key: a.status for a in answers} == {0: "private-address", 1: None}
    assert server.asked["/ok/5550"] == 0


@pytest.mark.parametrize(
    ("header", "out"),
    [
        ("noai", True),
        ("NOINDEX, nofollow", True),
        ("max-image-preview:none, noai", True),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noimageai", True),
        ("dmlkit: noai", True),
        ("googlebot: noindex", False),
        ("googlebot: noindex, noai", False),
        ("max-image-preview:none", False),
        ("all", False),
    ],
)
def test_opt_outs_are_read_as_they_are_meant(header, out):
    assert crawl_request.opts_out([header]) == out


def test_private_addresses_are_refused_as_any_text(server, make):
    port = server.server_port
    hosts = [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
    ]
    before = sum(server.asked.values())
    answers = list(
        make(allow_private_hosts=False).answers((i, f"http://{h}:{port}/ok/{i}") for i, h in enumerate(hosts))
    )
    assert {a.status for a in answers} == {"private-address"}
    assert sum(server.asked.values()) == before


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.org/x", "http://", "http://[::1", "file:///etc/passwd", "nonsense", "http://2130706433/x"],
)
def test_what_is_no_address_is_no_address(make, url):
    (answer,) = make(allow_private_hosts=False).answers([(0, url)])
    assert answer.status in ("bad-url", "private-address")


def test_unknown_host_and_closed_port_have_statuses(make):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    links = [(0, "http://no-such-host.invalid/x"), (1, f"http://127.0.0.1:{port}/x")]
    assert {a.key: a.status for a in make(tries=2).answers(links)} == {0: "dns", 1: "refused"}


def test_a_dead_host_is_left_alone_and_others_go_on(server, make):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}"
    links = [(i, f"{dead}/{i}") for i in range(40)] + [(100 + i, f"{server.url}/ok/{i}") for i in range(20)]
    answers = {a.key: a.status for a in make(tries=2, per_host=2).answers(links)}
    assert [answers[100 + i] for i in range(20)] == [None] * 20
    given = [answers[i] for i in range(40)]
    assert set(given) == {"refused", "unreachable"}
    assert given.count("refused") <= crawler.DEAD_AFTER + 2


def test_host_limit_holds_and_connections_are_kept(make):
    with serving() as own:
        own.delay = 0.02
        polite = make(per_host=3)
        for _ in range(2):
            assert len(list(polite.answers((i, f"{own.url}/ok/{i}") for i in range(40)))) == 40
        assert own.most_at_once == 3
        assert own.connections == 3
        polite.close()


def test_retry_after_is_honoured(make, server):
    started = time.monotonic()
    (answer,) = make(tries=2, pause=0.0).answers([(1, f"{server.url}/429-once/771")])
    assert answer.status is None
    assert time.monotonic() - started >= 0.1


def test_long_retry_after_is_not_waited_for(make, server, monkeypatch):
    monkeypatch.setattr(crawl_request, "parse_retry_after", lambda value: 3600.0)
    started = time.monotonic()
    (answer,) = make().answers([(1, f"{server.url}/429/1")])
    assert answer.status == "http-429"
    assert time.monotonic() - started < 5


def test_it_says_who_asks_and_whom_to_write_to(make, server):
    server.agents.clear()
    list(make(contact="ada@example.org").answers([(0, f"{server.url}/ok/1")]))
    (agent,) = server.agents
    assert agent.startswith("dmlkit/")
    assert "ada@example.org" in agent


def test_opt_outs_can_be_passed_over(make, server):
    (answer,) = make(respect_opt_outs=False).answers([(0, f"{server.url}/noai/1")])
    assert answer.status is None


def test_a_slow_reader_holds_the_servers_back(make, server):
    before = sum(server.asked.values())
    answers = make(connections=5).answers((i, f"{server.url}/ok/{i}") for i in range(100))
    for _ in range(3):
        next(answers)
    assert sum(server.asked.values()) - before <= 3 + 2 * 5
    answers.close()
