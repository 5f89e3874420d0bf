"""A server on 127.0.0.1 that speaks the part of the hub's HTTP interface that dataset repositories need.

It keeps repositories as commits of whole file lists, answers as the hub does where `huggingface_hub` and `datasets`
look (status, ``X-Error-Code``, ETags, ranges, pages), and records every request. It does not speak Xet: clients must
have HF_HUB_DISABLE_XET=1 and then send large files by LFS. It serves large files itself, where the hub leads to
another host.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".parquet", ".jpg")
"""The hub's .gitattributes for new datasets sends these by LFS."""
PAGE = 4
"""Entries of a tree in one answer: small, so that clients must follow the pages."""
REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"


@dataclass(frozen=True)
class Blob:
    data: bytes
    large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def oid(self) -> str:
        """As git names it; a large file's pointer is told apart by its own content."""
        data = f"oid sha256:{self.sha256}\nsize {len(self.data)}\n".encode() if self.large else self.data
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def facts(self, path: str) -> dict:
        lfs = {"lfs": {"oid": self.sha256, "size": len(self.data), "pointerSize": 130}} if self.large else {}
        return {"type": "file", "path": path, "size": len(self.data), "oid": self.oid} | lfs


@dataclass
class Repo:
    name: str
    private: bool
    stored: dict[str, bytes] = field(default_factory=dict)
    """Large files by SHA-256, whether or not a commit names them."""
    commits: dict[str, dict[str, Blob]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, ref: str, files: dict[str, Blob]) -> str:
        text = json.dumps([len(self.commits), ref, sorted((path, blob.oid) for path, blob in files.items())])
        oid = hashlib.sha1(text.encode()).hexdigest()
        self.commits[oid] = files
        self.refs[ref] = oid
        return oid

    def find(self, revision: str) -> str | None:
        """The commit of a branch, a tag, a pull request's ref, or a commit."""
        for ref in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if ref in self.refs:
                return self.refs[ref]
        return revision if revision in self.commits else None

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """For tests: path → bytes, without what the hub puts there itself."""
        found = self.commits[self.find(revision)]
        return {path: blob.data for path, blob in found.items() if path != ".gitattributes"}


class Refused(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        self.status, self.message, self.code = status, message, code


@dataclass(frozen=True)
class Request:
    """One that came. ``bytes`` are those of its body."""

    method: str
    path: str
    user: str | None
    bytes: int


class HubServer(ThreadingHTTPServer):
    """``users`` are token → name; a token whose name ends in ``:read`` may not write."""

    daemon_threads = True

    def __init__(self, users: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.users = users
        self.repos: dict[str, Repo] = {}
        self.requests: list[Request] = []
        self.unknown: list[str] = []
        """Requests that this server does not know, which the hub may."""
        self.before_upload: Callable[[int], str | None] = lambda number: None
        """Told the number of each large file that is sent; "drop" breaks its connection off, "403" refuses it."""
        self.uploads = 0
        self.lock = threading.RLock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def uploaded(self) -> list[str]:
        """The SHA-256 of every large file that was sent, and the path of every commit, in order."""
        return [
            r.path.rpartition("/")[2] if r.method == "PUT" else r.path
            for r in self.requests
            if r.method == "PUT" or "/commit/" in r.path
        ]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that are killed break connections off


@contextmanager
def hub_server(users: dict[str, str]) -> Iterator[HubServer]:
    server = HubServer(users)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        pass

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        self.query = parse_qs(parts.query)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        self.user = self.server.users.get(token)
        length = int(self.headers.get("Content-Length") or 0)
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        self.body = self.read_chunks() if chunked else self.rfile.read(length)
        with self.server.lock:
            self.server.requests.append(Request(self.command, unquote(parts.path), self.user, len(self.body)))
            with suppress(BrokenPipeError, ConnectionResetError):
                try:
                    if token and self.user is None:
                        raise Refused(401, "Invalid credentials in Authorization header")
                    self.answer(parts.path)
                except Refused as exc:
                    self.send_json({"error": exc.message}, exc.status, exc.message, exc.code)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

    def read_chunks(self) -> bytes:
        data = b""
        while size := int(self.rfile.readline() or b"0", 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def answer(self, path: str) -> None:
        for method, pattern, name in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method.split():
                getattr(self, name)(**{key: unquote(value or "") for key, value in found.groupdict().items()})
                return
        self.server.unknown.append(f"{self.command} {self.path}")
        raise Refused(404, "no such page")

    # answers

    def send(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_json(self, value: object, status: int = 200, message: str = "", code: str = "", **headers: str) -> None:
        more = {"X_Error_Message": message} if message else {}
        more |= {"X_Error_Code": code} if code else {}
        self.send(status, json.dumps(value).encode(), Content_Type="application/json", **more, **headers)

    # who and what

    def name(self) -> str:
        if self.user is None:
            raise Refused(401, "Invalid username or password.")
        return self.user.removesuffix(":read")

    def repo_of(self, repo: str, write: bool = False) -> Repo:
        """The repository that the client may read, or write. One it may not read does not exist for it."""
        found = self.server.repos.get(repo)
        owner = self.user is not None and self.name() == repo.partition("/")[0]
        if found is None or (found.private and not owner):
            raise Refused(401 if self.user is None else 404, "Repository not found", "RepoNotFound")
        if write and self.user is None:
            raise Refused(401, "Invalid username or password.")
        if write and (not owner or self.user.endswith(":read")):
            raise Refused(403, "you don't have the rights to write here")
        return found

    def commit_of(self, repo: Repo, revision: str) -> str:
        oid = repo.find(revision)
        if oid is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return oid

    def whoami(self) -> None:
        self.send_json({"type": "user", "name": self.name(), "orgs": [], "auth": {"type": "access_token"}})

    def create(self) -> None:
        asked = json.loads(self.body)
        owner = asked.get("organization") or self.name()
        repo = f"{owner}/{asked['name']}"
        if owner != self.name() or self.user.endswith(":read"):
            raise Refused(403, f"You don't have the rights to create a dataset under the namespace {owner!r}")
        url = f"{self.server.url}/datasets/{repo}"
        if repo in self.server.repos:
            self.send_json({"error": "You already created this dataset repo", "url": url}, 409)
            return
        made = Repo(repo, asked.get("private") is True or asked.get("visibility") == "private")
        made.commit("refs/heads/main", {".gitattributes": Blob(b"*.parquet filter=lfs\n", False)})
        self.server.repos[repo] = made
        self.send_json({"url": url, "name": repo, "id": repo})

    def info(self, repo: str, revision: str = "main") -> None:
        found = self.repo_of(repo)
        oid = self.commit_of(found, revision)
        siblings = [{"rfilename": path} for path in found.commits[oid]]
        facts = {"id": repo, "sha": oid, "private": found.private, "gated": False, "disabled": False, "tags": []}
        self.send_json(facts | {"siblings": siblings, "lastModified": "2026-01-01T00:00:00.000Z"})

    def refs(self, repo: str) -> None:
        found = self.repo_of(repo)

        def listed(kind: str) -> list[dict]:
            return [
                {"name": ref.removeprefix(kind), "ref": ref, "targetCommit": oid}
                for ref, oid in found.refs.items()
                if ref.startswith(kind)
            ]

        self.send_json(
            {"branches": listed("refs/heads/"), "tags": listed("refs/tags/"), "converts": [], "pullRequests": []}
        )

    def tag(self, repo: str, revision: str) -> None:
        found = self.repo_of(repo, write=True)
        if self.command == "DELETE":
            found.refs.pop(f"refs/tags/{revision}")
            self.send_json({})
            return
        ref = f"refs/tags/{json.loads(self.body)['tag']}"
        if ref in found.refs:
            raise Refused(409, "Tag reference exists already")
        found.refs[ref] = self.commit_of(found, revision)
        self.send_json({})

    # upload

    def agents(self) -> None:
        """The client asks for the names of programs that may run it."""
        raise Refused(404, "no such list")

    def validate_yaml(self) -> None:
        self.send_json({"errors": [], "warnings": []})

    def preupload(self, repo: str, revision: str) -> None:
        found = self.repo_of(repo, write=True)
        there = found.commits[self.commit_of(found, revision)]
        answers = []
        for asked in json.loads(self.body)["files"]:
            path = asked["path"]
            blob = there.get(path)
            oid = (blob.sha256 if blob.large else blob.oid) if blob else None
            mode = "lfs" if path.endswith(LARGE) else "regular"
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.send_json({"files": answers})

    def lfs_batch(self, repo: str) -> None:
        found = self.repo_of(repo, write=True)
        objects = []
        for asked in json.loads(self.body)["objects"]:
            one = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in found.stored:
                one["actions"] = {
                    "upload": {"href": f"{self.server.url}/lfs/{repo}/{asked['oid']}"},
                    "verify": {"href": f"{self.server.url}/datasets/{repo}.git/info/lfs/verify"},
                }
            objects.append(one)
        self.send_json({"transfer": "basic", "objects": objects})

    def lfs_put(self, repo: str, oid: str) -> None:
        """A signed URL: no token comes with it."""
        self.server.uploads += 1
        fault = self.server.before_upload(self.server.uploads)
        if fault == "drop":
            self.close_connection = True
            return
        if fault:
            raise Refused(int(fault), "the place for large files refuses")
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refused(400, "other bytes than those announced")
        self.server.repos[repo].stored[oid] = self.body
        self.send(200, b"")

    def lfs_verify(self, repo: str) -> None:
        asked = json.loads(self.body)
        if len(self.repo_of(repo, write=True).stored.get(asked["oid"], b"")) != asked["size"]:
            raise Refused(404, "not all of it is here")
        self.send_json({})

    def commit(self, repo: str, revision: str) -> None:
        found = self.repo_of(repo, write=True)
        files = dict(found.commits[self.commit_of(found, revision)])
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                files[value["path"]] = Blob(base64.b64decode(value["content"]), False)
            elif item["key"] == "lfsFile":
                if value["oid"] not in found.stored:
                    raise Refused(400, f"the large file {value['path']} was not uploaded")
                files[value["path"]] = Blob(found.stored[value["oid"]], True)
            elif item["key"] == "deletedFile" and files.pop(value["path"], None) is None:
                raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
        ref, pull = revision if revision.startswith("refs/") else f"refs/heads/{revision}", None
        if self.query.get("create_pr"):
            ref = f"refs/pr/{self.new_pull(found)}"
            pull = f"{self.server.url}/datasets/{repo}/discussions/{ref.rpartition('/')[2]}"
        oid = found.commit(ref, files)
        url = f"{self.server.url}/datasets/{repo}/commit/{oid}"
        self.send_json({"success": True, "commitOid": oid, "commitUrl": url, "pullRequestUrl": pull})

    def new_pull(self, repo: Repo) -> int:
        number = sum(ref.startswith("refs/pr/") for ref in repo.refs) + 1
        repo.refs[f"refs/pr/{number}"] = repo.refs["refs/heads/main"]
        return number

    # download

    def tree(self, repo: str, revision: str, path: str = "") -> None:
        found = self.repo_of(repo)
        files = found.commits[self.commit_of(found, revision)]
        below = f"{path}/" if path else ""
        recursive = self.query.get("recursive", [""])[0].lower() in ("true", "1")
        entries: dict[str, dict] = {}
        for name, blob in sorted(files.items()):
            if not name.startswith(below):
                continue
            steps = name.removeprefix(below).split("/")
            for depth in range(1, len(steps) if recursive else min(len(steps), 2)):
                folder = below + "/".join(steps[:depth])
                entries[folder] = {"type": "directory", "path": folder, "size": 0, "oid": "0" * 40}
            if recursive or len(steps) == 1:
                entries[name] = blob.facts(name)
        if path and not entries:
            raise Refused(404, f"{path} does not exist", "EntryNotFound")
        start = int(self.query.get("cursor", ["0"])[0])
        more = {}
        if start + PAGE < len(entries):
            where = f"{self.server.url}{urlsplit(self.path).path}?recursive={recursive}&cursor={start + PAGE}"
            more = {"Link": f'<{where}>; rel="next"'}
        self.send_json(list(entries.values())[start : start + PAGE], **more)

    def paths_info(self, repo: str, revision: str) -> None:
        found = self.repo_of(repo)
        files = found.commits[self.commit_of(found, revision)]
        text = self.body.decode()
        asked = json.loads(text)["paths"] if text.startswith("{") else parse_qs(text)["paths"]
        answers = []
        for path in asked:
            if path in files:
                answers.append(files[path].facts(path))
            elif any(name.startswith(f"{path}/") for name in files):
                answers.append({"type": "directory", "path": path, "size": 0, "oid": "0" * 40})
        self.send_json(answers)

    def resolve(self, repo: str, revision: str, path: str) -> None:
        found = self.repo_of(repo)
        oid = self.commit_of(found, revision)
        blob = found.commits[oid].get(path)
        if blob is None:
            self.send_json({}, 404, "Entry not found", "EntryNotFound", X_Repo_Commit=oid)
            return
        etag = blob.sha256 if blob.large else blob.oid
        linked = {"X_Linked_Size": str(len(blob.data)), "X_Linked_ETag": f'"{etag}"'} if blob.large else {}
        self.send_bytes(blob.data, ETag=f'"{etag}"', X_Repo_Commit=oid, **linked)

    def send_bytes(self, data: bytes, **headers: str) -> None:
        span = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        headers |= {"Accept_Ranges": "bytes"}
        if span is None:
            self.send(200, data, **headers)
            return
        start, last = span[1], span[2]
        first = int(start) if start else max(0, len(data) - int(last))
        end = min(len(data) - 1, int(last)) if start and last else len(data) - 1
        if first >= len(data):
            self.send(416, b"", Content_Range=f"bytes */{len(data)}")
            return
        self.send(206, data[first : end + 1], Content_Range=f"bytes {first}-{end}/{len(data)}", **headers)


ROUTES = [
    ("GET", "/api/whoami-v2", "whoami"),
    ("GET", "/api/agent-harnesses", "agents"),
    ("POST", "/api/repos/create", "create"),
    ("POST", "/api/validate-yaml", "validate_yaml"),
    ("GET", f"/api/datasets/{REPO}", "info"),
    ("GET", f"/api/datasets/{REPO}/revision/(?P<revision>[^/]+)", "info"),
    ("GET", f"/api/datasets/{REPO}/refs", "refs"),
    ("POST DELETE", f"/api/datasets/{REPO}/tag/(?P<revision>[^/]+)", "tag"),
    ("POST", f"/api/datasets/{REPO}/preupload/(?P<revision>[^/]+)", "preupload"),
    ("POST", f"/api/datasets/{REPO}/commit/(?P<revision>[^/]+)", "commit"),
    ("GET", f"/api/datasets/{REPO}/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?", "tree"),
    ("POST", f"/api/datasets/{REPO}/paths-info/(?P<revision>[^/]+)", "paths_info"),
    ("GET HEAD", f"/datasets/{REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
    ("POST", rf"/datasets/{REPO}\.git/info/lfs/objects/batch", "lfs_batch"),
    ("POST", rf"/datasets/{REPO}\.git/info/lfs/verify", "lfs_verify"),
    ("PUT", f"/lfs/{REPO}/(?P<oid>[0-9a-f]+)", "lfs_put"),
]

if __name__ == "__main__":  # for docs/hub_roundtrip.sh: writes its address to the file that is named, and serves
    from pathlib import Path

    with hub_server({"hf_me": "me"}) as running:
        Path(sys.argv[1]).write_text(running.url, encoding="utf-8")
        threading.Event().wait()
