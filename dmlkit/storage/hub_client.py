"""The Hugging Face Hub: names of repositories, and its client's errors in words that a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dmlkit.errors import HubError, UsageError
from dmlkit.text import redact_url

LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write: {endpoint}/settings/tokens"


def check_repo_name(repo: str) -> None:
    """Raise `UsageError` unless ``repo`` names a repository with its owner, as in USER/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo)
        owner, _, name = repo.partition("/")
        if not owner or not name:
            raise HFValidationError("the owner is missing")
    except HFValidationError as exc:
        raise UsageError(
            f"{repo!r} is not a name of a repository: {exc}",
            code="usage.repository-name",
            hint="give USER/NAME, of letters, digits, '.', '_' and '-', for example me/dyml-animal",
            repo=repo,
        ) from exc


@contextmanager
def hub_errors(repo: str, safe: str = "") -> Iterator[None]:
    """Turn the errors of the Hub's client into `HubError`. ``safe`` says what the same command will find done."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # the client's own, whichever it is

    try:
        yield
    except HFValidationError as exc:
        raise UsageError(f"the Hub's client refuses: {exc}", code="usage.hub-argument", repo=repo) from exc
    except (HfHubHTTPError, httpx.TransportError, OSError, RuntimeError, ValueError) as exc:
        raise to_hub_error(exc, repo, safe) from exc


def to_hub_error(exc: BaseException, repo: str, safe: str) -> HubError:
    """Return the `HubError` for an error of the Hub's client."""
    from huggingface_hub import constants, errors
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # the client's own, whichever it is

    while exc.__cause__ is not None and isinstance(exc, RuntimeError | errors.LocalEntryNotFoundError):
        exc = exc.__cause__  # the client wraps the error of the connection
    endpoint = redact_url(constants.ENDPOINT)
    again = f"; {safe}" if safe else ""
    if isinstance(exc, errors.LocalTokenNotFoundError):
        return HubError(
            f"there is no token for {endpoint} on this machine",
            code="hub.no-token",
            hint=LOG_IN.format(endpoint=endpoint),
            endpoint=endpoint,
        )
    if isinstance(exc, errors.OfflineModeIsEnabled):
        return HubError("HF_HUB_OFFLINE forbids to ask the Hub", code="hub.offline", hint="unset HF_HUB_OFFLINE")
    if isinstance(exc, httpx.TransportError):
        why = f"{type(exc).__name__}: {redact_url(str(exc))}" if str(exc) else type(exc).__name__
        return HubError(
            f"{endpoint} cannot be reached, or the connection broke ({why}){again}",
            code="hub.unreachable",
            hint="check the network, the proxy settings and HF_ENDPOINT, then run the command again",
            endpoint=endpoint,
            safe=safe,
        )
    if (error := missing_repo_error(exc, repo, endpoint)) is not None:
        return error
    if isinstance(exc, errors.HfHubHTTPError) and exc.response is not None:
        return error_for_status(exc.response.status_code, str(exc).strip(), repo, safe)
    return HubError(
        f"the Hub's client failed: {type(exc).__name__}: {redact_url(str(exc))}{again}",
        code="hub.client-failed",
        hint="run the command again: it resumes",
        repo=repo,
        safe=safe,
    )


def missing_repo_error(exc: BaseException, repo: str, endpoint: str) -> HubError | None:
    """Return the error for a repository or revision that does not exist or may not be read, if ``exc`` is one."""
    from huggingface_hub import errors

    if isinstance(exc, errors.GatedRepoError):
        return HubError(
            f"{repo} is only for those whom its owner lets in",
            code="hub.gated",
            hint=f"ask on {endpoint}/datasets/{repo}",
            repo=repo,
        )
    if isinstance(exc, errors.RepositoryNotFoundError):
        return HubError(
            f"{repo} is not a dataset on {endpoint}, or a private one that your token may not read",
            code="hub.no-repository",
            hint="check the name; a private one needs `hf auth login` or HF_TOKEN",
            repo=repo,
        )
    if isinstance(exc, errors.RevisionNotFoundError):
        return HubError(
            f"{repo} has no such revision",
            code="hub.no-revision",
            hint=f"its tags and branches: hf repos tag list {repo} --type dataset",
            repo=repo,
        )
    return None


def error_for_status(status: int, text: str, repo: str, safe: str) -> HubError:
    """Return the error for an HTTP status that has no class of its own in the Hub's client."""
    from huggingface_hub import constants

    endpoint = redact_url(constants.ENDPOINT)
    again = f"; {safe}" if safe else ""
    first = redact_url(text.splitlines()[0]) if text else ""
    if status == 401:
        return HubError(
            f"{endpoint} does not know the token of this machine",
            code="hub.bad-token",
            hint=LOG_IN.format(endpoint=endpoint),
            endpoint=endpoint,
        )
    if status == 403:
        return HubError(
            f"your token has no right to write {repo}{again}",
            code="hub.forbidden",
            hint=f"a name below your own account, or a token with the right to write: {endpoint}/settings/tokens",
            repo=repo,
            safe=safe,
        )
    if status == 429:
        return HubError(
            f"{endpoint} was asked too often{again}",
            code="hub.too-many-requests",
            hint="wait an hour, then run the command again: it resumes",
            endpoint=endpoint,
            safe=safe,
        )
    return HubError(
        f"{endpoint} answers {status}: {first}{again}",
        code="hub.http-error",
        hint="run the command again: it resumes",
        http_status=status,
        repo=repo,
        safe=safe,
    )
