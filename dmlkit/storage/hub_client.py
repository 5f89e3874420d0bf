"""The way to the hub: names of repositories, and its client's errors in words that a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dmlkit.errors import HubError, UsageError

LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write: {endpoint}/settings/tokens"


def check_name(repo: str) -> None:
    """Raises `UsageError` where ``repo`` is not the name of a repository with its owner, as in USER/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo)
        owner, _, name = repo.partition("/")
        if not owner or not name:
            raise HFValidationError("the owner is missing")
    except HFValidationError as exc:
        raise UsageError(
            f"{repo!r} is no name of a repository: {exc}",
            hint="give USER/NAME, of letters, digits, '.', '_' and '-', for example me/dyml-animal",
        ) from exc


@contextmanager
def asking(repo: str, safe: str = "") -> Iterator[None]:
    """Turns what the hub's client raises into `HubError`. ``safe`` says what the same command will find done."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # the client's own, whichever it is

    try:
        yield
    except HFValidationError as exc:
        raise UsageError(f"the hub's client refuses: {exc}") from exc
    except (HfHubHTTPError, httpx.TransportError, OSError, RuntimeError, ValueError) as exc:
        raise in_words(exc, repo, safe) from exc


def in_words(exc: BaseException, repo: str, safe: str) -> HubError:
    from huggingface_hub import constants, errors
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # the client's own, whichever it is

    while exc.__cause__ is not None and isinstance(exc, RuntimeError | errors.LocalEntryNotFoundError):
        exc = exc.__cause__  # the client wraps the error of the connection
    endpoint = constants.ENDPOINT
    again = f"; {safe}" if safe else ""
    if isinstance(exc, errors.LocalTokenNotFoundError):
        return HubError(f"there is no token for {endpoint} on this machine", hint=LOG_IN.format(endpoint=endpoint))
    if isinstance(exc, errors.OfflineModeIsEnabled):
        return HubError("HF_HUB_OFFLINE forbids to ask the hub", hint="unset HF_HUB_OFFLINE")
    if isinstance(exc, httpx.TransportError):
        why = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
        return HubError(
            f"{endpoint} cannot be reached, or the connection broke ({why}){again}",
            hint="is there a network, a proxy, the right HF_ENDPOINT? The same command goes on",
        )
    if isinstance(exc, errors.GatedRepoError):
        return HubError(f"{repo} is only for those whom its owner lets in", hint=f"ask on {endpoint}/datasets/{repo}")
    if isinstance(exc, errors.RepositoryNotFoundError):
        return HubError(
            f"{repo} is no dataset on {endpoint}, or a private one that your token may not read",
            hint="is the name right? A private one needs `hf auth login` or HF_TOKEN",
        )
    if isinstance(exc, errors.RevisionNotFoundError):
        return HubError(
            f"{repo} has no such revision", hint=f"its tags and branches: hf repos tag list {repo} --type dataset"
        )
    if isinstance(exc, errors.HfHubHTTPError) and exc.response is not None:
        return of_status(exc.response.status_code, str(exc).strip(), repo, again)
    return HubError(f"the hub's client failed: {type(exc).__name__}: {exc}{again}", hint="the same command goes on")


def of_status(status: int, text: str, repo: str, again: str) -> HubError:
    """The error of an answer that has no class of its own."""
    from huggingface_hub import constants

    endpoint = constants.ENDPOINT
    first = text.splitlines()[0] if text else ""
    if status == 401:
        return HubError(f"{endpoint} does not know the token of this machine", hint=LOG_IN.format(endpoint=endpoint))
    if status == 403:
        return HubError(
            f"your token has no right to write {repo}{again}",
            hint=f"a name below your own account, or a token with the right to write: {endpoint}/settings/tokens",
        )
    if status == 429:
        return HubError(f"{endpoint} was asked too often{again}", hint="wait an hour; the same command goes on")
    return HubError(f"{endpoint} answers {status}: {first}{again}", hint="the same command goes on")
