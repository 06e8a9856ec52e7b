"""Sound that Debian ships: packages fetched with apt and unpacked, not installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dgm_audio.errors import DataError


def fetch_packages(packages: Sequence[str], folder: Path, *, what: str, done: str) -> Path:
    """Fetch and unpack Debian packages into `folder`; needs apt, but no rights of root.

    Args:
        packages: their names.
        folder: made if it does not exist.
        what: the sounds in a word or two, for the errors.
        done: name of a file of the data set; if one lies anywhere in `folder`, nothing is done.

    Returns:
        `folder`.

    Raises:
        DataError: where apt is missing or fails; the message says what to do instead.
    """
    if any(folder.rglob(done)):
        return folder
    names = ", ".join(packages)
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        plural = "packages" if len(packages) > 1 else "package"
        raise DataError(
            f"the {what} come as the Debian {plural} {names}, and apt is missing "
            "here; unpack them elsewhere and give the folder with --data"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        try:
            subprocess.run(
                ["apt-get", "download", *packages],
                cwd=scratch,
                check=True,
                capture_output=True,
                text=True,
            )
            for package in sorted(Path(scratch).glob("*.deb")):
                subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
        except subprocess.CalledProcessError as error:
            reason = (error.stderr or str(error)).strip().splitlines()[-1]
            raise DataError(
                f"apt could not fetch {names} ({reason}); run 'apt-get update', or "
                "give an unpacked folder with --data"
            ) from error
    return folder
