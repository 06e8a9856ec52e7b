"""How often is the class of a real drum named rightly, by what `encode` does, and what it did?

    python benchmarks/classes.py drums-vae --data FOLDER

The clips are those that the model did not train on: a fifth of the kits' sounds, and three whole
kits. Beside the classifier that hears the model's own sounds stands the old rule, the class under
which a sound is reconstructed best, and the classifier's estimate of its own odds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor
from tyro.conf import Positional

from dgm_audio import load
from dgm_audio.apps.inversion import class_choices, encode, error_db, likely_conditions
from dgm_audio.data import ClipConfig, ClipSet, load_clips
from dgm_audio.data.sets.hydrogen import NAME, download_drums, drum_manifest, drum_splits
from dgm_audio.data.sets.named import set_folder
from dgm_audio.generator import AudioGenerator


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Accuracy of both rules.

    Args:
        data: folder with the unpacked kits; by default they are fetched with apt.
        n: clips of each set, evenly spread; by default all.
        old: measure the old rule, too, which is slow for a model that encodes by a search.
    """

    model: Annotated[Positional[str], tyro.conf.arg(metavar="MODEL")] = "drums-vae"
    data: Path | None = None
    n: int | None = None
    old: bool = True


def best_reconstruction(model: AudioGenerator, clip: Tensor) -> str:
    """The old rule."""
    errors = {}
    for choice in class_choices(model, {}):
        with torch.no_grad():
            made = model.decode(encode(model, clip, choice), choice, length=clip.shape[-1])
        errors[choice["class"]] = error_db(clip, made, model.audio.sample_rate)
    return min(errors, key=errors.__getitem__)


def measure(model: AudioGenerator, clips: ClipSet, args: Classes) -> str:
    """A line of figures."""
    count = len(clips) if args.n is None else min(args.n, len(clips))
    rows = torch.linspace(0, len(clips) - 1, count).long().tolist()
    right, among, odds, old = 0, 0, 0.0, 0
    for row in rows:
        clip, label = clips.tensor([row]), clips.classes[int(clips.labels[row])]
        likely = likely_conditions(model, clip, {})
        names = [condition["class"] for condition, _ in likely]
        right += names[0] == label
        among += label in names[:3]
        odds += likely[0][1]
        old += args.old and best_reconstruction(model, clip) == label
    before = f"; best reconstruction {old / count:.3f}" if args.old else ""
    return (
        f"{count} clips: named rightly {right / count:.3f} (by its own estimate "
        f"{odds / count:.3f}), among the first three {among / count:.3f}{before}"
    )


def main(args: Classes) -> None:
    """The figures."""
    model = load(args.model, device="cpu")
    folder = args.data or download_drums(set_folder(NAME))
    config = ClipConfig(sample_rate=model.audio.sample_rate, length=model.audio.length)
    splits = drum_splits(load_clips(drum_manifest(folder), config).unique())
    for name, clips in (("test", splits.test), ("unseen kits", splits.unseen)):
        print(f"{args.model}, {name}: {measure(model, clips, args)}")


if __name__ == "__main__":
    main(tyro.cli(Classes))
