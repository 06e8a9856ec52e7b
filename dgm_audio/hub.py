"""Model folders from the Hugging Face Hub, through its own cache."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from threading import Thread
from typing import Any

from dgm_audio.errors import CheckpointError
from dgm_audio.model_folder import ALLOWED, HEADER, WEIGHTS

HUB_SECONDS = 3.0
"""How long to wait for the Hub before it counts as unreachable."""

MAX_DOWNLOAD_BYTES = 4 * 2**30

_REFERENCE = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w./-]*))?")


def download(reference: str) -> Path:
    """Folder of the model `org/name` or `org/name@revision`, downloaded unless it is cached.

    Only the three files of a model folder are fetched. A Hub that does not answer within
    `HUB_SECONDS` is replaced by the cached copy, with a warning; with HF_HUB_OFFLINE=1 it is not
    asked.

    Raises:
        CheckpointError: if the reference is no such name, the Hub has no such model, or it is
            neither reachable nor cached; the message says what to do.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise CheckpointError(
            f"hf:{reference} names no model; give hf:org/name or hf:org/name@revision"
        )
    repo, revision = match["repo"], match["revision"]
    answer = _ask(repo, revision)
    if isinstance(answer, Exception):
        return _cached(repo, revision, answer)
    _check_listing(repo, {item.rfilename: item.size for item in answer.siblings or ()})
    try:
        return _snapshot(repo, revision, local_only=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"hf:{repo} cannot be downloaded: {_one_line(error)}") from error


def _ask(repo: str, revision: str | None) -> Any:
    """The Hub's description of a model, or the exception that stands for it.

    A thread with a deadline: name servers and proxies do not keep to the timeout of a request.
    """
    answer: list[Any] = []

    def ask() -> None:
        from huggingface_hub import HfApi

        try:
            api = HfApi(library_name="dgm_audio")
            info = api.model_info(repo, revision=revision, timeout=HUB_SECONDS, files_metadata=True)
            answer.append(info)
        except Exception as error:  # every reason is told to the user, or the cache serves
            answer.append(error)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(HUB_SECONDS)
    return answer[0] if answer else TimeoutError(f"no answer within {HUB_SECONDS:g} s")


def _cached(repo: str, revision: str | None, reason: Exception) -> Path:
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

    offline = isinstance(reason, OfflineModeIsEnabled)
    try:
        folder = _snapshot(repo, revision, local_only=True)
    except (OSError, ValueError) as error:
        if isinstance(reason, RepositoryNotFoundError):
            advice = "check the name; for a private model log in with: hf auth login"
            raise CheckpointError(f"the Hub has no model {repo}; {advice}") from error
        cause = "HF_HUB_OFFLINE is set" if offline else f"no connection: {_one_line(reason)}"
        raise CheckpointError(
            f"hf:{repo} is not in the local cache and the Hub cannot be asked ({cause}); go "
            f"online, or copy the folder here and load its path"
        ) from error
    if not offline:
        warnings.warn(
            f"the Hub cannot be asked ({_one_line(reason)}); using the cached copy of {repo}",
            stacklevel=4,
        )
    return folder


def _snapshot(repo: str, revision: str | None, *, local_only: bool) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            repo,
            revision=revision,
            allow_patterns=list(ALLOWED),
            etag_timeout=HUB_SECONDS,
            local_files_only=local_only,
            library_name="dgm_audio",
        )
    )


def _check_listing(repo: str, sizes: dict[str, int | None]) -> None:
    """Refuse before the download what could not be loaded after it."""
    missing = [name for name in (WEIGHTS, HEADER) if name not in sizes]
    if missing:
        raise CheckpointError(f"hf:{repo} has no {', '.join(missing)}: it is no dgm_audio model")
    size = sizes[WEIGHTS] or 0
    if size > MAX_DOWNLOAD_BYTES:
        raise CheckpointError(
            f"hf:{repo} has {size / 2**30:.1f} GiB of weights; the limit is "
            f"{MAX_DOWNLOAD_BYTES / 2**30:g} GiB"
        )


def _one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
