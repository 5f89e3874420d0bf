"""Downloads from a real server that breaks, lies, redirects and stays away."""

import hashlib
import random
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dmlkit.errors import OutputError, SourceError
from dmlkit.storage import download

DATA = random.Random(1).randbytes(1_000_000)
SIZE = len(DATA)
MD5 = hashlib.md5(DATA).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Gives the next answer of ``server.answers``, or the file with ranges."""

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        answer = self.server.answers.pop(0) if self.server.answers else self.server.usual
        answer(self)

    def log_message(self, *args):
        pass

    def give(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length != "none":
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


def ranged(handler, most=SIZE):
    """The file from where it is asked for, ``most`` bytes of it before the connection breaks."""
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    start = int(asked[1]) if asked else 0
    where = {"Content_Range": f"bytes {start}-{SIZE - 1}/{SIZE}"} if asked else {}
    handler.give(206 if asked else 200, DATA[start:][:most], SIZE - start, **where)


def whole(handler):
    """The whole file, whatever is asked for."""
    handler.give(200, DATA)


def breaks(most, answer=ranged):
    return lambda handler: answer(handler, most)


def whole_breaks(handler, most):
    handler.give(200, DATA[:most], SIZE)


def says(status, body=b"", **headers):
    return lambda handler: handler.give(status, body, **headers)


def redirects(place):
    return says(302, Location=place)


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers, server.seen, server.usual = [], [], ranged
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of its own, and no proxy."""
    monkeypatch.setenv("DMLKIT_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path / "home"


@pytest.fixture
def part(home):
    home.mkdir()
    return home / "file.zip.part"


@pytest.fixture
def get(server):
    """Download the file; the pauses are in ``get.pauses``, the progress in ``get.progress``."""

    def run(url=None, md5=MD5, mirrors=(), **options):
        archive = download.Archive("file.zip", url or f"{server.url}/file.zip", md5, SIZE, mirrors)
        run.pauses, run.progress = [], []
        options = {"allow_private_hosts": True} | options
        return download.download_archive(
            archive, lambda *step: run.progress.append(step), sleep=run.pauses.append, **options
        )

    return run


def asked(server):
    return [headers.get("Range") for _, headers in server.seen]


# ---- what goes well


def test_download_reports_progress_leaves_one_file(get, server, home):
    path = get()
    assert path == home / "file.zip"
    assert path.read_bytes() == DATA
    assert get.progress == sorted(get.progress)
    assert get.progress[-1] == (SIZE, SIZE)
    assert len(get.progress) > 4
    assert {p.name for p in home.iterdir()} <= {"file.zip", "file.zip.lock"}
    assert server.seen[0][1]["User-Agent"].startswith("dmlkit/")


def test_only_a_damaged_file_is_downloaded_again(get, server):
    path = get()
    assert get() == path
    assert len(server.seen) == 1
    path.write_bytes(b"x" + DATA[1:])
    assert get().read_bytes() == DATA
    assert len(server.seen) == 2


def test_find_download_returns_only_whole_files(get, home):
    archive = download.Archive("file.zip", "http://files.invalid/file.zip", MD5, SIZE)
    assert download.find_download(archive) is None
    assert not home.exists()
    path = get()
    assert download.find_download(archive) == path
    path.write_bytes(DATA[:-1])
    assert download.find_download(archive) is None


def test_a_broken_connection_goes_on_where_it_broke(get, server):
    server.answers = [breaks(400_000)]
    assert get().read_bytes() == DATA
    first, second = asked(server)
    assert first is None
    assert 400_000 - download.CHUNK <= int(second[6:-1]) <= 400_000
    assert get.pauses == [0.5]


def test_broken_connections_resume_while_bytes_arrive(get, server):
    server.usual = breaks(150_000)
    assert get().read_bytes() == DATA
    assert len(server.seen) > download.ATTEMPTS


def test_second_run_resumes_the_part_of_the_first(get, server, part):
    part.write_bytes(DATA[:600_000])
    assert get().read_bytes() == DATA
    assert asked(server) == ["bytes=600000-"]
    assert get.progress[0][0] > 600_000


def test_whole_part_is_checked_not_downloaded(get, server, part):
    part.write_bytes(DATA)
    assert get().read_bytes() == DATA
    assert server.seen == []


def test_server_without_ranges_starts_again(get, server, part):
    part.write_bytes(b"x" * 300_000)
    server.usual = whole
    assert get().read_bytes() == DATA
    assert asked(server) == ["bytes=300000-"]


@pytest.mark.parametrize("place", [{"Content_Range": f"bytes 0-{SIZE - 1}/{SIZE}"}, {}])
def test_wrong_content_range_is_not_trusted(get, server, part, place):
    part.write_bytes(DATA[:300_000])
    server.answers = [says(206, DATA, **place)]
    assert get().read_bytes() == DATA
    assert asked(server) == ["bytes=300000-", None]


def test_a_part_longer_than_the_file_is_thrown_away(get, server, part):
    part.write_bytes(DATA + b"more")
    assert get().read_bytes() == DATA
    assert asked(server) == [None]


def test_part_refused_with_416_is_deleted(get, server, part):
    part.write_bytes(DATA[:300_000])
    server.answers = [says(416)]
    assert get().read_bytes() == DATA
    assert asked(server) == ["bytes=300000-", None]


def test_mirrors_resume_in_turn(get, server, home):
    broken = [breaks(6 * download.CHUNK), *[says(503)] * download.ATTEMPTS]
    server.answers += [*broken, says(404)]
    get(mirrors=(f"{server.url}/gone", f"{server.url}/mirror"))
    assert (home / "file.zip").read_bytes() == DATA
    assert [path for path, _ in server.seen][-2:] == ["/gone", "/mirror"]
    assert asked(server)[-1] == f"bytes={6 * download.CHUNK}-"


def test_last_failing_mirror_is_reported(get, server):
    server.usual = says(404)
    with pytest.raises(SourceError) as error:
        get(mirrors=(f"{server.url}/first", f"{server.url}/second"))
    assert (error.value.code, error.value.facts["url"]) == ("storage.http-error", f"{server.url}/second")


def test_redirects_are_followed(get, server):
    server.answers = [redirects("/moved"), redirects(f"{server.url}/again")]
    assert get().read_bytes() == DATA
    assert [path for path, _ in server.seen] == ["/file.zip", "/moved", "/again"]


def test_concurrent_downloads_fetch_once(get, server):
    both = threading.Barrier(2, timeout=30)
    server.usual = lambda handler: (both.wait(), ranged(handler))

    def get_second():
        both.wait()  # the first one has the lock, and its answer has not begun
        return get()

    with ThreadPoolExecutor(2) as pool:
        paths = [job.result() for job in [pool.submit(get), pool.submit(get_second)]]
    assert paths[0] == paths[1]
    assert len(server.seen) == 1


# ---- what may pass


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("100000", download.LONGEST_PAUSE),
        ("inf", download.LONGEST_PAUSE),
        ("-5", 0.0),
        ("soon", 1.0),
        ("", 1.0),
        (formatdate(0, usegmt=True), 0.0),
        (formatdate(32503680000, usegmt=True), download.LONGEST_PAUSE),
    ],
)
def test_a_server_that_asks_for_a_pause_gets_it(get, server, value, pause):
    server.answers = [says(429, Retry_After=value)]
    assert get().read_bytes() == DATA
    assert get.pauses == [pause]


def test_pauses_grow_while_a_server_fails(get, server):
    server.answers = [says(503), says(500), says(502)]
    assert get().read_bytes() == DATA
    assert get.pauses == [1.0, 2.0, 4.0]


def test_a_server_that_falls_silent_is_asked_again(get, server, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", (1.0, 0.1))
    server.answers = [lambda handler: time.sleep(0.3)]
    assert get().read_bytes() == DATA
    assert len(server.seen) == 2


def test_without_network_the_part_is_kept(get, part):
    part.write_bytes(DATA[:300_000])
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(SourceError) as error:
        get(f"http://127.0.0.1:{port}/file.zip")
    assert (error.value.code, error.value.facts["num_bytes"]) == ("storage.no-connection", 300_000)
    assert get.pauses == [1.0, 2.0, 4.0, 8.0]
    assert part.read_bytes() == DATA[:300_000]


def test_a_server_that_never_gets_better_is_given_up(get, server, part):
    server.usual = breaks(200_000, whole_breaks)
    with pytest.raises(SourceError) as error:
        get()
    assert error.value.code == "storage.no-connection"
    assert len(server.seen) == download.ATTEMPTS + 1
    assert part.exists()


def test_an_unknown_host_is_one_clear_error(get):
    with pytest.raises(SourceError) as error:
        get("http://files.invalid/file.zip", allow_private_hosts=False)
    assert error.value.code == "storage.no-connection"
    assert "files.invalid" in error.value.facts["url"]


# ---- what does not pass


@pytest.mark.parametrize("status", [401, 403, 404, 410, 204])
def test_a_refusal_is_an_error_at_once(get, server, status):
    server.usual = says(status)
    with pytest.raises(SourceError) as error:
        get()
    assert (error.value.code, error.value.facts["http_status"]) == ("storage.http-error", status)
    assert len(server.seen) == 1


def test_web_page_is_an_error_and_not_written(get, server, home):
    server.usual = says(200, b"<html>log in</html>", Content_Type="text/html; charset=utf-8")
    with pytest.raises(SourceError) as error:
        get()
    assert error.value.code == "storage.web-page"
    assert not (home / "file.zip").exists()
    assert not (home / "file.zip.part").exists()


def test_a_file_of_another_md5_is_deleted_and_told(get, home):
    with pytest.raises(SourceError) as error:
        get(md5="0" * 32)
    assert (error.value.code, error.value.facts["md5"]) == ("storage.wrong-md5", MD5)
    assert not (home / "file.zip").exists()
    assert not (home / "file.zip.part").exists()


@pytest.mark.parametrize("data", [DATA + b"more", DATA[:-1], b""])
def test_other_length_is_an_error_before_the_download(get, server, data):
    server.usual = says(200, data)
    with pytest.raises(SourceError) as error:
        get()
    assert (error.value.code, error.value.facts["num_bytes"]) == ("storage.wrong-length", len(data))
    assert (len(server.seen), get.progress) == (1, [])


def test_endless_download_is_stopped_and_deleted(get, server, home):
    server.usual = lambda handler: handler.give(200, DATA * 3, "none")
    with pytest.raises(SourceError) as error:
        get()
    assert (error.value.code, error.value.facts["num_bytes"]) == ("storage.endless-download", SIZE)
    assert not (home / "file.zip.part").exists()


def test_a_redirect_loop_is_an_error(get, server):
    server.usual = redirects("/file.zip")
    with pytest.raises(SourceError) as error:
        get()
    assert error.value.code == "storage.redirects"
    assert len(server.seen) == 6


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("http://[::1", "storage.bad-answer"),
        ("http://x:99999/", "storage.bad-answer"),
        ("file:///etc/passwd", "storage.not-http"),
        ("ftp://x/y", "storage.not-http"),
    ],
)
def test_redirect_to_another_scheme_is_an_error(get, server, place, code):
    server.usual = redirects(place)
    with pytest.raises(SourceError) as error:
        get()
    assert error.value.code == code
    assert len(server.seen) == 1


def test_an_answer_that_is_no_http_is_one_clear_error(get, server):
    server.usual = lambda handler: handler.wfile.write(b"garbage\r\n\r\n")
    with pytest.raises(SourceError) as error:
        get()
    assert error.value.code == "storage.no-connection"


def test_unwritable_cache_dir_is_an_error(get, home):
    home.write_bytes(b"a file")
    with pytest.raises(OutputError) as error:
        get()
    assert (error.value.code, error.value.facts["path"]) == ("storage.download-not-written", home / "file.zip")
    assert "DMLKIT_HOME" in error.value.hint


# ---- the local network


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "2130706433", "0.0.0.0", "10.0.0.1", "192.168.1.1", "169.254.169.254"),
        *("[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "[::ffff:a00:1]"),
    ],
)
def test_an_address_of_the_local_network_is_refused(get, server, host):
    with pytest.raises(SourceError) as error:
        get(f"http://{host}:{server.server_port}/file.zip", allow_private_hosts=False)
    assert error.value.code == "storage.private-address"
    assert "--allow-private-hosts" in error.value.hint
    assert server.seen == []


@pytest.mark.parametrize("place", ["http://127.0.0.1:1/secret", "http://169.254.169.254/latest/meta-data"])
def test_redirect_to_the_local_network_is_refused(get, server, monkeypatch, place):
    """The server stands in for a proxy, so that a request for a public host reaches it."""
    monkeypatch.setenv("http_proxy", server.url)
    server.usual = redirects(place)
    with pytest.raises(SourceError) as error:
        get("http://files.invalid/file.zip", allow_private_hosts=False)
    assert error.value.code == "storage.private-address"
    assert [path for path, _ in server.seen] == ["http://files.invalid/file.zip"]


def test_host_known_only_to_the_proxy_is_reached(get, server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    assert get("http://files.invalid/file.zip", allow_private_hosts=False).read_bytes() == DATA
