"""A dataset folder → a repository on the hub, tagged with the dataset's version.

What is there already is compared before anything is sent: of a large file the hub tells the SHA-256, which
``SHA256SUMS`` has too. So pushing again sends nothing, and a push that was stopped goes on: large files that had
arrived are known to the hub, and nobody sees a part of them before the one commit that names them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dmlkit import __version__, terms
from dmlkit.dataset.facts import read_owner
from dmlkit.dataset.folder import ATTRIBUTION, BUILD_JSON, CARD, CHECKSUMS, CITATION, FIGURE, SHARD, DatasetFolder
from dmlkit.errors import HubError, UsageError
from dmlkit.hub import ids_only
from dmlkit.storage.hub_client import check_repo_name, hub_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi

OURS = (ATTRIBUTION, FIGURE, ids_only.FULL_SUMS, CITATION)
"""What dmlkit writes besides shards and may write no more: deleted on the hub where the new dataset has none."""
NOT_CONTENT = (".gitattributes", CARD, "LICENSE")
"""A repository that holds only these is empty: the hub's pages put them there."""
SAFE = "nothing of it is visible on the hub, and what arrived is not sent again"


@dataclass(frozen=True)
class Options:
    """What a person may choose of a push. ``repo`` is USER/NAME."""

    repo: str
    private: bool = False
    create_pr: bool = False
    with_images: bool = False


@dataclass(frozen=True)
class Content:
    """What is to be pushed: the folder that is uploaded, its files, and what the dataset says of itself."""

    folder: Path
    files: Mapping[str, Path]
    sums: Mapping[str, str]
    """File name → SHA-256, as ``SHA256SUMS`` has it."""
    name: str
    version: str
    source: str
    images: bool

    @property
    def tag(self) -> str:
        return f"v{self.version}"

    @property
    def sizes(self) -> dict[str, int]:
        return {name: path.stat().st_size for name, path in self.files.items()}

    def digest(self, name: str, large: bool) -> str:
        """As the hub tells it: the SHA-256 of a large file, git's id of another."""
        if large and name in self.sums:
            return self.sums[name]
        data = self.files[name].read_bytes()
        return hashlib.sha256(data).hexdigest() if large else hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass(frozen=True)
class There:
    """What a repository holds: path → (is it a large file, its digest), and the commit of each tag."""

    private: bool
    commit: str
    files: Mapping[str, tuple[bool, str]]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Pushed:
    """What a push did. ``revision`` is what `load_dataset` is given: the tag, or the ref of the pull request."""

    repo: str
    url: str
    revision: str
    commit: str
    tag: str
    tagged: bool
    """Whether this push made the tag."""
    pull_request: str
    private: bool
    images: bool
    files: int
    bytes: int
    sent: tuple[str, ...]
    sent_bytes: int
    deleted: tuple[str, ...]


@contextmanager
def content_of(folder: Path, options: Options) -> Iterator[Content]:
    """What may be pushed of the dataset in ``folder``, which must be valid: all of it, or no images.

    Raises `UsageError` for a name that is none, a version that cannot be a tag, and images that may not go up.
    """
    check_repo_name(options.repo)
    dataset = DatasetFolder.open(folder)
    version, source = dataset.version, dataset.source
    if dataset.ids_only:
        raise UsageError(f"{folder} has no images: it is a copy of what was pushed", hint="push the dataset itself")
    if not re.fullmatch(r"[A-Za-z0-9](?:[\w+-]|\.(?!\.|$|lock$))*", version, re.ASCII):
        raise UsageError(
            f"the version {version!r} cannot be a tag", hint="give the manifest one such as 1.0.0, and build again"
        )
    images = terms.load_or_unknown(source).redistribute or options.with_images
    if options.with_images and not terms.load_or_unknown(source).redistribute and not options.private:
        raise UsageError(
            f"the terms of {source} do not allow to publish its images: {terms.load_or_unknown(source).conditions}",
            hint="--with-images --private keeps them to you; without --with-images ids, labels and hashes go up",
        )
    with TemporaryDirectory(prefix="dmlkit-push-") as made:
        if not images:
            ids_only.write(folder, Path(made), options.repo)
            dataset = DatasetFolder.open(made)
        yield Content(dataset.path, dataset.files(), dataset.checksums(), dataset.name, version, source, images)


def push(folder: Path, options: Options) -> Pushed:
    """Upload the dataset in ``folder``, which must be valid, and tag its version.

    Raises `HubError` where the hub refuses, cannot be reached, or holds something else under this name or tag, and
    `UsageError` as `content_of` does. Nothing is visible on the hub before all has arrived.
    """
    from huggingface_hub import HfApi

    check_repo_name(options.repo)
    api = HfApi(library_name="dmlkit", library_version=__version__)
    with hub_errors(options.repo):
        api.whoami()
    with content_of(folder, options) as content:
        there = look(api, options.repo)
        held = check_there(api, options.repo, there, content)
        if there is None:
            there = create(api, options)
        sent, deleted = difference(content, there)
        commit, pull_request, revision = held or there.commit, "", ""
        if sent or deleted:
            commit, pull_request, revision = upload(api, options, content, sent, deleted)
        tagged = not held and not options.create_pr
        if tagged:
            with hub_errors(options.repo, "all files are there; only the tag is missing"):
                api.create_tag(options.repo, tag=content.tag, revision=commit, repo_type="dataset")
        sizes = content.sizes
        return Pushed(
            repo=options.repo,
            url=f"{api.endpoint}/datasets/{options.repo}",
            revision=revision or (content.tag if held or tagged else commit),
            commit=commit,
            tag=content.tag,
            tagged=tagged,
            pull_request=pull_request,
            private=there.private,
            images=content.images,
            files=len(sizes),
            bytes=sum(sizes.values()),
            sent=tuple(sent),
            sent_bytes=sum(sizes[name] for name in sent),
            deleted=tuple(deleted),
        )


def look(api: HfApi, repo: str) -> There | None:
    """What the repository holds; None where there is none for this token."""
    from huggingface_hub.errors import RepositoryNotFoundError

    with hub_errors(repo):
        try:
            info = api.dataset_info(repo)
        except RepositoryNotFoundError:
            return None
        refs = api.list_repo_refs(repo, repo_type="dataset")
        tags = {tag.name: tag.target_commit for tag in refs.tags}
        return There(bool(info.private), str(info.sha), digests(api, repo, str(info.sha)), tags)


def digests(api: HfApi, repo: str, revision: str) -> dict[str, tuple[bool, str]]:
    from huggingface_hub.hf_api import RepoFile

    found = api.list_repo_tree(repo, recursive=True, revision=revision, repo_type="dataset")
    return {
        file.path: (True, file.lfs.sha256) if file.lfs else (False, file.blob_id)
        for file in found
        if isinstance(file, RepoFile)
    }


def check_there(api: HfApi, repo: str, there: There | None, content: Content) -> str:
    """The commit of the tag of this version, empty where there is none.

    Raises `HubError` where the repository is no place for this content.
    """
    if there is None:
        return ""
    refuse_other(api, repo, there, content)
    if content.images and not there.private and not terms.load_or_unknown(content.source).redistribute:
        raise HubError(
            f"{repo} is public, and the terms of {content.source} do not allow its images there; nothing was pushed",
            hint="choose another name: with --private it becomes a private repository",
        )
    return tag_commit(api, repo, there, content)


def refuse_other(api: HfApi, repo: str, there: There, content: Content) -> None:
    """Raises `HubError` where the repository holds something else than this dataset."""
    if BUILD_JSON not in there.files:
        others = sorted(there.files.keys() - set(NOT_CONTENT))
        if others:
            raise HubError(
                f"{repo} holds {others[0]} and no build.json: it is no dataset of dmlkit; nothing was pushed",
                hint="choose another name",
            )
        return
    with hub_errors(repo):
        path = api.hf_hub_download(repo, BUILD_JSON, revision=there.commit, repo_type="dataset")
    try:
        theirs = read_owner(Path(path))
    except (OSError, ValueError) as exc:
        raise HubError(f"{repo} has a build.json that dmlkit did not write; nothing was pushed") from exc
    if theirs != (content.name, content.source):
        raise HubError(
            f"{repo} holds the dataset {theirs[0]} made from {theirs[1]}, "
            f"not {content.name} from {content.source}; nothing was pushed",
            hint="choose another name",
        )


def tag_commit(api: HfApi, repo: str, there: There, content: Content) -> str:
    """The commit of the tag of this version, empty where there is none.

    Raises `HubError` where it stands for another content: who loads a revision must go on getting the same.
    """
    if content.tag not in there.tags:
        return ""
    commit = there.tags[content.tag]
    with hub_errors(repo):
        large, digest = digests(api, repo, commit).get(CHECKSUMS, (False, ""))
    if digest != content.digest(CHECKSUMS, large):
        raise HubError(
            f"the tag {content.tag} of {repo} stands for other files than these; nothing was pushed",
            hint="raise `version` in the manifest and build again; or, if nobody uses it, "
            f"hf repos tag delete {repo} {content.tag} --type dataset",
        )
    return commit


def create(api: HfApi, options: Options) -> There:
    """Make the repository. Raises `HubError` where it does not become private although it must."""
    with hub_errors(options.repo):
        api.create_repo(options.repo, repo_type="dataset", private=options.private or None, exist_ok=True)
    there = look(api, options.repo)
    if there is None or (options.private and not there.private):
        raise HubError(
            f"{options.repo} was made, but is not there as asked; nothing was pushed", hint="look at its page"
        )
    return there


def difference(content: Content, there: There) -> tuple[list[str], list[str]]:
    """The files to be sent, and those of an earlier dataset that have no successor."""
    sent = [
        name
        for name in content.files
        if name not in there.files or there.files[name][1] != content.digest(name, there.files[name][0])
    ]
    deleted = [name for name in there.files if name not in content.files and (SHARD.fullmatch(name) or name in OURS)]
    if sent == [BUILD_JSON] and not deleted and BUILD_JSON in there.files:
        sent = []  # built again with the same result: only its times differ
    return sent, sorted(deleted)


def upload(api: HfApi, options: Options, content: Content, sent: list[str], deleted: list[str]) -> tuple[str, str, str]:
    """Send files and delete others. Returns the commit, and of a pull request its page and ref."""
    with hub_errors(options.repo, SAFE):
        done = api.upload_folder(
            repo_id=options.repo,
            folder_path=content.folder,
            repo_type="dataset",
            commit_message=f"{content.name} {content.version}, by dmlkit {__version__}",
            allow_patterns=[escape(name) for name in sent],
            delete_patterns=[escape(name) for name in deleted] or None,
            create_pr=options.create_pr,
        )
    return done.oid, done.pr_url or "", done.pr_revision or ""
