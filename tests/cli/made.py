"""What a command has written."""

from pathlib import Path


def files(folder="out"):
    return sorted(path.name for path in Path(folder).iterdir())


def sounds(folder="out"):
    return sorted(Path(folder).glob("*.wav"))
