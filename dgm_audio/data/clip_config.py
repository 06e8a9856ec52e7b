"""`ClipConfig`: how files become clips."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dgm_audio.errors import ConfigError

SCANNED_BAD_SHARE, LISTED_BAD_SHARE = 0.5, 0.01
"""Share of unreadable files that is put up with in a scanned folder, and in a list of files."""


def _bounded(default: Any, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class ClipConfig:
    """How files become clips.

    Args:
        sample_rate: in Hz; other rates are resampled.
        length: T, samples of a clip.
        channels: 1 (the mean of all channels) or 2 (mono is doubled).
        normalize: "peak" brings the largest sample of each clip to 0.95, amplifying by at most
            40 dB; "none" keeps the level, and lowers it where it goes beyond full scale.
        long_files: "head" gives the first clip of each file, "slice" one clip per onset; "auto"
            slices files of more than 4 clips.
        trim_silence: cut silence before the onset and after the tail.
        max_bad_share: share of unreadable files (0 to 1) that are skipped; more are an error. By
            default half of a folder that is scanned, and 1 % of a list: a CSV manifest or a named
            data set, where each file is meant.
        min_bad_files: this many damaged files are skipped in any case, so that small folders pass.

    Raises:
        ConfigError: if a value is not allowed.

    Example:
        >>> ClipConfig(sample_rate=16000, length=16000).seconds
        1.0
    """

    sample_rate: int = _bounded(44100, 1000, 384_000)
    length: int = _bounded(65536, 16, 2**24)
    channels: int = _bounded(1, 1, 2)
    normalize: Literal["none", "peak"] = "peak"
    long_files: Literal["auto", "head", "slice"] = "auto"
    trim_silence: bool = True
    max_bad_share: float | None = _bounded(None, 0.0, 1.0)
    min_bad_files: int = _bounded(2, 0, 1_000_000)

    def __post_init__(self) -> None:
        """Check every value against its bounds or its choices."""
        hints = get_type_hints(type(self))
        for item in fields(self):
            value, hint = getattr(self, item.name), hints[item.name]
            if get_origin(hint) is Literal and value not in get_args(hint):
                allowed = ", ".join(get_args(hint))
                raise ConfigError(f"{item.name} is {value!r}; allowed are {allowed}")
            given = item.metadata and (value is not None or item.default is not None)
            if given and not _within(value, item.metadata, hint):
                low, high = item.metadata["low"], item.metadata["high"]
                raise ConfigError(f"{item.name} is {value!r}; it must be from {low} to {high}")

    @property
    def seconds(self) -> float:
        """Duration of a clip."""
        return self.length / self.sample_rate

    def allowed_bad(self, files: int, scanned: bool = False) -> int:
        """How many of so many files may be unreadable: max(min_bad_files, share of them).

        Args:
            files: of the data set.
            scanned: as in `Manifest`.

        >>> ClipConfig().allowed_bad(50), ClipConfig().allowed_bad(1000)
        (2, 10)
        >>> ClipConfig().allowed_bad(50, scanned=True)
        25
        """
        usual = SCANNED_BAD_SHARE if scanned else LISTED_BAD_SHARE
        share = usual if self.max_bad_share is None else self.max_bad_share
        return max(self.min_bad_files, int(share * files))


def _within(value: Any, bounds: Any, kind: type) -> bool:
    allowed = int if kind is int else int | float
    is_number = isinstance(value, allowed) and not isinstance(value, bool)
    return is_number and bounds["low"] <= value <= bounds["high"]
