"""Upload a dataset folder to a repository on the Hugging Face Hub and tag it with the dataset's version.

Before anything is sent, the files are compared with those of the repository: for a large file the Hub states the
SHA-256, which ``SHA256SUMS`` has too. So pushing again sends nothing, and a push that was stopped resumes: the Hub
knows the large files that arrived, and nobody sees any of them before the one commit that names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dmlkit import __version__, terms
from dmlkit.dataset.facts import read_owner
from dmlkit.dataset.folder import ATTRIBUTION, BUILD_JSON, CARD, CHECKSUMS, CITATION, FIGURE, SHARD
from dmlkit.errors import HubError
from dmlkit.hub.content import PushContent, PushOptions, prepare_content
from dmlkit.hub.ids_only import FULL_CHECKSUMS
from dmlkit.storage.hub_client import check_repo_name, hub_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# Files that dmlkit writes for some datasets only: deleted on the Hub if the new dataset has none. So are its shards.
OPTIONAL_FILES = (ATTRIBUTION, FIGURE, FULL_CHECKSUMS, CITATION)
# Files that the Hub's own pages create: a repository with no others is empty.
IGNORED_FILES = (".gitattributes", CARD, "LICENSE")
# What an upload and a tag that failed leave behind, for people.
SAFE_UPLOAD = "nothing of it is visible on the hub, and what arrived is not sent again"
SAFE_TAG = "all files are there; only the tag is missing"
# Fields of `PushResult` that have another name in JSON.
JSON_NAMES = {"has_images": "images", "num_files": "files", "num_bytes": "bytes", "num_sent_bytes": "sent_bytes"}


class RemoteFile(NamedTuple):
    """A file in a repository: whether the Hub stores it as a large one, and its digest."""

    is_large: bool
    digest: str


@dataclass(frozen=True)
class RemoteState:
    """What a repository contains. ``files``: path -> file; ``tags``: name -> commit."""

    private: bool
    commit: str
    files: Mapping[str, RemoteFile]
    tags: Mapping[str, str]


class RemoteChange(NamedTuple):
    """The files to upload, and those of an earlier dataset to delete, by name."""

    sent: tuple[str, ...]
    deleted: tuple[str, ...]


class PushedCommit(NamedTuple):
    """A commit, and the page and the ref of its pull request if it is one."""

    commit: str
    pull_request: str = ""
    revision: str = ""


@dataclass(frozen=True)
class PushResult:
    """What a push did. ``revision`` is the argument for `load_dataset`: the tag, or the ref of the pull request.

    ``tagged`` tells whether this push created the tag. ``num_files`` and ``num_bytes`` are those of the dataset.
    """

    repo: str
    url: str
    revision: str
    commit: str
    tag: str
    tagged: bool
    pull_request: str
    private: bool
    has_images: bool
    num_files: int
    num_bytes: int
    sent: tuple[str, ...]
    num_sent_bytes: int
    deleted: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {JSON_NAMES.get(name, name): value for name, value in vars(self).items()}


def push_dataset(folder: Path, options: PushOptions) -> PushResult:
    """Upload the dataset in ``folder``, which must be valid, and tag its version.

    Nothing is visible on the Hub before everything has arrived. Raises `HubError` if the Hub refuses, cannot be
    reached, or has something else under this name or tag, and the errors of `prepare_content`.
    """
    from huggingface_hub import HfApi

    repo = options.repo
    check_repo_name(repo)
    api = HfApi(library_name="dmlkit", library_version=__version__)
    with hub_errors(repo):
        api.whoami()
    with prepare_content(folder, options) as content:
        remote = read_remote_state(api, repo)
        earlier = "" if remote is None else check_remote(api, repo, remote, content)
        if remote is None:
            remote = create_repository(api, options)
        change = diff_files(content, remote)
        pushed = PushedCommit(earlier or remote.commit)
        if change.sent or change.deleted:
            pushed = upload_files(api, options, content, change)
        tagged = not earlier and not options.create_pr
        if tagged:
            with hub_errors(repo, SAFE_TAG):
                api.create_tag(repo, tag=content.tag, revision=pushed.commit, repo_type="dataset")
        file_sizes = content.file_sizes
        return PushResult(
            repo=repo,
            url=f"{api.endpoint}/datasets/{repo}",
            revision=pushed.revision or (content.tag if earlier or tagged else pushed.commit),
            commit=pushed.commit,
            tag=content.tag,
            tagged=tagged,
            pull_request=pushed.pull_request,
            private=remote.private,
            has_images=content.has_images,
            num_files=len(file_sizes),
            num_bytes=sum(file_sizes.values()),
            sent=change.sent,
            num_sent_bytes=sum(file_sizes[name] for name in change.sent),
            deleted=change.deleted,
        )


def read_remote_state(api: HfApi, repo: str) -> RemoteState | None:
    """Read what the repository contains; None if it does not exist for this token. Raises `HubError`."""
    from huggingface_hub.errors import RepositoryNotFoundError

    with hub_errors(repo):
        try:
            info = api.dataset_info(repo)
        except RepositoryNotFoundError:
            return None
        refs = api.list_repo_refs(repo, repo_type="dataset")
        tags = {tag.name: tag.target_commit for tag in refs.tags}
        commit = str(info.sha)
        return RemoteState(bool(info.private), commit, list_remote_files(api, repo, commit), tags)


def list_remote_files(api: HfApi, repo: str, revision: str) -> dict[str, RemoteFile]:
    """List the files of a revision by their paths."""
    from huggingface_hub.hf_api import RepoFile

    entries = api.list_repo_tree(repo, recursive=True, revision=revision, repo_type="dataset")
    return {
        entry.path: RemoteFile(True, entry.lfs.sha256) if entry.lfs else RemoteFile(False, entry.blob_id)
        for entry in entries
        if isinstance(entry, RepoFile)
    }


def check_remote(api: HfApi, repo: str, remote: RemoteState, content: PushContent) -> str:
    """Check that the repository may take this content. Return the commit of the version's tag, empty without one.

    Raises `HubError` if the repository has something else, is public and may not have the images, or has other
    files under this tag.
    """
    raise_if_foreign(api, repo, remote, content)
    if content.has_images and not remote.private and not terms.load_or_unknown(content.source).redistribute:
        raise HubError(
            f"{repo} is public, and the terms of {content.source} do not allow its images there; nothing was pushed",
            code="hub.public-repository",
            hint="choose another name: with --private it becomes a private repository",
            repo=repo,
            source=content.source,
        )
    return read_tag_commit(api, repo, remote, content)


def raise_if_foreign(api: HfApi, repo: str, remote: RemoteState, content: PushContent) -> None:
    """Raise `HubError` if the repository contains something else than this dataset."""
    if BUILD_JSON not in remote.files:
        if others := sorted(remote.files.keys() - set(IGNORED_FILES)):
            raise HubError(
                f"{repo} holds {others[0]} and no {BUILD_JSON}: it is no dataset of dmlkit; nothing was pushed",
                code="hub.not-ours",
                hint="choose another name",
                repo=repo,
                name=others[0],
            )
        return
    with hub_errors(repo):
        path = api.hf_hub_download(repo, BUILD_JSON, revision=remote.commit, repo_type="dataset")
    try:
        owner = read_owner(Path(path))
    except (OSError, ValueError) as exc:
        raise HubError(
            f"{repo} has a {BUILD_JSON} that dmlkit did not write; nothing was pushed",
            code="hub.bad-build-json",
            hint="choose another name",
            repo=repo,
        ) from exc
    if owner != (content.name, content.source):
        raise HubError(
            f"{repo} holds the dataset {owner[0]} made from {owner[1]}, "
            f"not {content.name} from {content.source}; nothing was pushed",
            code="hub.other-dataset",
            hint="choose another name",
            repo=repo,
            name=owner[0],
            source=owner[1],
        )


def read_tag_commit(api: HfApi, repo: str, remote: RemoteState, content: PushContent) -> str:
    """Return the commit of the tag of this version, empty if there is none.

    Raises `HubError` if the tag is that of other files: whoever loads a revision must always get the same.
    """
    if content.tag not in remote.tags:
        return ""
    commit = remote.tags[content.tag]
    with hub_errors(repo):
        tagged = list_remote_files(api, repo, commit).get(CHECKSUMS, RemoteFile(False, ""))
    if tagged.digest != content.digest(CHECKSUMS, is_large=tagged.is_large):
        raise HubError(
            f"the tag {content.tag} of {repo} stands for other files than these; nothing was pushed",
            code="hub.tag-of-other-files",
            hint="raise `version` in the manifest and build again; or, if nobody uses it, "
            f"hf repos tag delete {repo} {content.tag} --type dataset",
            repo=repo,
            tag=content.tag,
        )
    return commit


def create_repository(api: HfApi, options: PushOptions) -> RemoteState:
    """Create the repository. Raises `HubError` if it is not there afterwards, or public although it must not be."""
    repo = options.repo
    with hub_errors(repo):
        api.create_repo(repo, repo_type="dataset", private=options.private or None, exist_ok=True)
    remote = read_remote_state(api, repo)
    if remote is None or (options.private and not remote.private):
        raise HubError(
            f"{repo} was made, but is not there as asked; nothing was pushed",
            code="hub.not-created-as-asked",
            hint="look at its page",
            repo=repo,
            private=None if remote is None else remote.private,
        )
    return remote


def diff_files(content: PushContent, remote: RemoteState) -> RemoteChange:
    """Compare the files of a dataset with those of a repository."""
    sent = tuple(name for name in content.files if is_changed(name, content, remote))
    deleted = sorted(
        name for name in remote.files if name not in content.files and (SHARD.fullmatch(name) or name in OPTIONAL_FILES)
    )
    if sent == (BUILD_JSON,) and not deleted and BUILD_JSON in remote.files:
        sent = ()  # built again with the same result: only its times differ
    return RemoteChange(sent, tuple(deleted))


def is_changed(name: str, content: PushContent, remote: RemoteState) -> bool:
    """Whether the repository lacks a file of the dataset or has it with other bytes."""
    if name not in remote.files:
        return True
    file = remote.files[name]
    return file.digest != content.digest(name, is_large=file.is_large)


def upload_files(api: HfApi, options: PushOptions, content: PushContent, change: RemoteChange) -> PushedCommit:
    """Upload and delete files in one commit, or in one pull request if ``options`` ask for it. Raises `HubError`."""
    with hub_errors(options.repo, SAFE_UPLOAD):
        info = api.upload_folder(
            repo_id=options.repo,
            folder_path=content.folder,
            repo_type="dataset",
            commit_message=f"{content.name} {content.version}, by dmlkit {__version__}",
            allow_patterns=[escape(name) for name in change.sent],
            delete_patterns=[escape(name) for name in change.deleted] or None,
            create_pr=options.create_pr,
        )
    return PushedCommit(info.oid, info.pr_url or "", info.pr_revision or "")
