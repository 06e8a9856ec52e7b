"""HTTP addresses of sounds: /sounds/KEY.wav?bits=16, .png, .json; latents beside them.

A key is the hash of a recipe, so that anybody with the recipe can compute it. The key of a
recording is random, so that only its visitor has it. With a login, these addresses need it, too.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from dgm_audio.errors import DgmAudioError
from dgm_audio.io import read_audio, read_comment, read_provenance, write_audio
from dgm_audio.provenance import Provenance
from dgm_audio.release.sheet import small_picture, wide_picture

from .sound_cache import KEY_PATTERN, SoundCache

SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "32": "FLOAT"}
_LATENTS = re.compile(r"latents-[0-9a-f]{16}\.safetensors")
_NAME = re.compile(r"[\w.-]{1,120}")
_GONE = "This sound is no longer kept; make it again."
_LOGIN = "Log in first."


def routes(
    cache: SoundCache, admitted: Callable[[Request], bool] = lambda request: True
) -> list[Route]:
    """Routes to the sounds of a cache, for admitted requests only."""
    makers: dict[str, Callable[[Path, Request], Response]] = {
        "wav": _wav,
        "png": _png,
        "json": _json,
    }

    def sound(request: Request) -> Response:
        if not admitted(request):
            return PlainTextResponse(_LOGIN, 401)
        key, kind = request.path_params["key"], request.path_params["kind"]
        if not KEY_PATTERN.fullmatch(key) or kind not in makers:
            return PlainTextResponse("There is no such sound.", 404)
        try:
            return makers[kind](cache.path(key), request)
        except (OSError, DgmAudioError):
            return PlainTextResponse(_GONE, 404)

    def latents(request: Request) -> Response:
        if not admitted(request):
            return PlainTextResponse(_LOGIN, 401)
        name = request.path_params["name"]
        path = cache.folder / name
        if not _LATENTS.fullmatch(name) or not path.is_file():
            return PlainTextResponse(_GONE, 404)
        return FileResponse(path, filename=name)

    return [
        Route("/sounds/{key}.{kind}", sound, methods=["GET"]),
        Route("/latents/{name}", latents, methods=["GET"]),
    ]


def _wav(path: Path, request: Request) -> Response:
    """The sound with its recipe inside, in 16, 24 or, as it is stored, 32-bit float."""
    bits = request.query_params.get("bits", "32")
    if bits not in SUBTYPES:
        return PlainTextResponse("bits must be 16, 24 or 32", 400)
    if bits == "32":
        return Response(path.read_bytes(), media_type="audio/wav", headers=_headers(request, "wav"))
    audio, rate = read_audio(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "sound.wav"
        write_audio(copy, audio, rate, subtype=SUBTYPES[bits], provenance=_recipe_of(path))
        content = copy.read_bytes()
    return Response(content, media_type="audio/wav", headers=_headers(request, "wav"))


def _png(path: Path, request: Request) -> Response:
    """Its log-mel spectrogram; the large one has axes."""
    audio, rate = read_audio(path)
    content = io.BytesIO()
    small = request.query_params.get("size") == "small"
    picture = small_picture(audio, rate) if small else wide_picture(audio, rate)
    picture.save(content, "PNG")
    return Response(content.getvalue(), media_type="image/png", headers=_headers(request, "png"))


def _json(path: Path, request: Request) -> Response:
    """Its recipe."""
    recipe = _recipe_of(path)
    if recipe is None:
        return PlainTextResponse("This sound is a recording; it has no recipe.", 404)
    return Response(
        recipe.to_json(), media_type="application/json", headers=_headers(request, "json")
    )


def _recipe_of(path: Path) -> Provenance | None:
    """The recipe inside a sound; None for a recording."""
    return read_provenance(path) if read_comment(path) else None


def _headers(request: Request, kind: str) -> dict[str, str]:
    """Cacheable, as the content of a key never changes; `?name=` makes it a download."""
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    name = request.query_params.get("name", "")
    if _NAME.fullmatch(name) and name.isascii():
        headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return headers
