"""The provenance of a sound: all that is needed to make the same bytes again.

The bytes are the same on the same kind of processor with the same versions of what `versions` in a
model's `config.json` names; over processors the sound is the same to 0.001 of its peak
(`python tests/portability.py` plays the shipped models as other processors would).

Provenance travels inside the audio file as its comment (a WAV's LIST/INFO chunk; a FLAC's or OGG's
COMMENT tag), as one line of JSON behind a marker, so any tag editor can show it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from dgm_audio._renamed import old_names
from dgm_audio.errors import InputError

MARKER = "dgm_audio recipe, JSON: "
MAX_BYTES = 2000
"""Longest JSON: libsndfile drops tags of more than 2045 characters, marker included."""

CALLS = ("sample", "interpolate", "decode", "morph", "path", "speak")
"""What makes a sound (see `dgm_audio.apps.render`)."""


@dataclass(frozen=True)
class Provenance:
    """How a sound was made.

    Args:
        model: name of the model.
        weights: sha256 of its weights, in hexadecimal.
        version: version of dgm_audio.
        call: what made it, one of `CALLS`.
        parameters: what it was called with, as JSON values (seed, index, length, temperature,
            condition, ...); `dgm_audio.apps.render.provenance_for` says which each call needs.
    """

    model: str
    weights: str
    version: str
    call: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("model", "weights", "version", "call"):
            if not isinstance(getattr(self, name), str):
                raise InputError(
                    f"provenance: {name} is {getattr(self, name)!r}; it must be a text"
                )
        if not (self.version.isascii() and self.version.isprintable()):
            raise InputError(f"provenance: version is {self.version!r}; it must be printable ASCII")
        if self.call not in CALLS:
            raise InputError(f"provenance: call is {self.call!r}; allowed are {', '.join(CALLS)}")
        if not isinstance(self.parameters, Mapping):
            raise InputError(
                f"provenance: parameters are {self.parameters!r}; they must be a mapping"
            )

    def to_json(self) -> str:
        """One line of ASCII JSON with sorted keys.

        Raises:
            InputError: if a parameter is no JSON value, or the text is longer than 2000 bytes.
        """
        try:
            text = json.dumps(
                {**asdict(self), "parameters": dict(self.parameters)},
                sort_keys=True,
                separators=(",", ":"),
                allow_nan=False,
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"provenance: a parameter is no JSON value ({error})") from None
        if len(text) > MAX_BYTES:
            raise InputError(
                f"provenance: {len(text)} bytes of JSON; at most {MAX_BYTES} are allowed"
            )
        return text

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Read what `to_json` wrote.

        Raises:
            InputError: if it is no JSON, or a key is missing or unknown or of a wrong type.
        """
        if len(text) > MAX_BYTES:
            raise InputError(
                f"provenance: {len(text)} bytes of JSON; at most {MAX_BYTES} are allowed"
            )
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            raise InputError(f"provenance: {text[:40]!r} is no JSON") from None
        names = [item.name for item in fields(cls)]
        if not isinstance(data, dict) or sorted(data) != sorted(names):
            found = ", ".join(map(repr, data)) if isinstance(data, dict) else type(data).__name__
            raise InputError(f"provenance: it has {found}; expected exactly {', '.join(names)}")
        return cls(**data)


__getattr__ = old_names(__name__)
