"""SC09, the spoken digits of Speech Commands, in the layout that it unpacks to.

    zero/*.wav ... nine/*.wav    one digit each, of at most a second at 16 kHz
    validation_list.txt          files such as "zero/004ae714_nohash_0.wav" to choose a model by
    testing_list.txt             files to report on

The digit is the class, the speaker the group; no speaker is on two sides. Published figures are of
sounds as they are recorded, so their level is kept.

References:
    Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", 2018.
    Donahue, McAuley and Puckette, "Adversarial Audio Synthesis", 2019 (SC09).
"""

from __future__ import annotations

from pathlib import Path

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.splits import Splits, assigned_splits
from dgm_audio.errors import DataError
from dgm_audio.io import shown

NAME = "sc09"
DIGITS = tuple("zero one two three four five six seven eight nine".split())
CLIPS = ClipConfig(sample_rate=16000, length=16000, normalize="none", trim_silence=False)

_LISTS = {"validation_list.txt": "validation", "testing_list.txt": "test"}
_LICENCE, _CREDIT = "CC-BY-4.0", "Speech Commands / Google"


def find_sc09(folder: Path) -> Path:
    """`folder`, if its owner has put Speech Commands there: it is too large to be fetched unasked.

    Raises:
        DataError: if it is not there; the message says what to put where.
    """
    wanted = [*_LISTS, *DIGITS]
    missing = [name for name in wanted if not (folder / name).exists()]
    if missing:
        raise DataError(
            f"{shown(str(folder))} holds no SC09: {', '.join(missing)} missing; unpack Speech "
            f"Commands (speech_commands_v0.02.tar.gz) there, so that {DIGITS[0]}/*.wav to "
            f"{DIGITS[-1]}/*.wav and {' and '.join(_LISTS)} exist"
        )
    return folder


def sc09_manifest(folder: Path) -> Manifest:
    """The spoken digits; all other words and noises are left out.

    Raises:
        DataError: if `folder` does not hold them.
    """
    find_sc09(folder)
    entries = [
        Entry(
            path.relative_to(folder).as_posix(),
            digit,
            path.stem.partition("_nohash_")[0],
            _LICENCE,
            _CREDIT,
            text=digit,
            language="en",
        )
        for digit in DIGITS
        for path in sorted((folder / digit).glob("*.wav"))
    ]
    if not entries:
        raise DataError(f"{shown(str(folder))} has folders of digits, but no {DIGITS[0]}/*.wav")
    others = sorted(path.name for path in folder.iterdir() if path.is_dir())
    omitted = tuple(Omission(name, "no digit") for name in others if name not in DIGITS)
    return Manifest(folder, tuple(entries), DIGITS, omitted, label_name="digit")


def sc09_splits(clips: ClipSet) -> Splits:
    """The published lists; what they do not name is for training.

    Raises:
        DataError: if a list cannot be read, or nothing is left to train on.
    """
    sides: dict[str, str] = {}
    for name, side in _LISTS.items():
        file = clips.manifest.root / name
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise DataError(f"{shown(str(file))} cannot be read: {error}") from error
        sides |= dict.fromkeys((line.strip() for line in lines), side)
    return assigned_splits(clips, [sides.get(file, "train") for file in clips.files])
