"""Drum one-shots, from Debian's Hydrogen kits to a playable model.

    python recipes/drums.py --family vae --budget 75m --out runs/drums-vae
    python recipes/drums.py --family autoregressive --budget 100m --out runs/drums-wavenet
    python recipes/drums.py --family gan --start drums-vae --budget 70m --out runs/drums-gan

Gets the kits (150 MB, or takes --data), labels them by their instruments' names, keeps three whole
kits and a tenth of the others' drums out, trains, evaluates, and with --publish writes the model
folder that ships with the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from dgm_audio.data import ClipConfig, load_clips
from dgm_audio.data.sets.hydrogen import NAME, download_drums, drum_manifest, drum_splits
from dgm_audio.data.sets.named import set_folder
from dgm_audio.release.recipe_script import RecipeOptions, label_sheets, train_and_publish

CLIPS = {
    "vae": ClipConfig(sample_rate=44100, length=65536),
    "gan": ClipConfig(sample_rate=44100, length=65536),
    "autoregressive": ClipConfig(sample_rate=16000, length=24000),
}
"""Rate and length of the clips, 1.5 s; a network that steps through the samples gets fewer."""
SUMMARY = {
    "vae": "Drum one-shots of up to 1.5 s at 44.1 kHz in twelve classes, from acoustic, electronic "
    "and hand drum kits; encodes your own drums, too.",
    "gan": "Drum one-shots of up to 1.5 s at 44.1 kHz in twelve classes, trained against a "
    "discriminator; takes your own drums into its latent space by optimisation.",
    "autoregressive": "Drum one-shots of 1.5 s at 16 kHz in twelve classes, sample by sample, with "
    "an exact likelihood: `dgm-audio score` ranks files by it, and `encode` finds latents that "
    "give back any sound in its 255 levels.",
}
BENCHMARKS = {
    "vae": "benchmarks/vae.py",
    "gan": "benchmarks/vae.py",
    "autoregressive": "benchmarks/autoregressive.py",
}
DATA_LIMITS = (
    "Trained on fewer than 400 different sounds of 13 kits. Sounds of rare classes (clap, rim, "
    "pedal hat) vary little. Judged by figures and pictures, not by listeners."
)
LIMITS = {
    "vae": "In the heterogeneous class `percussion` the pitched instruments blur into each other; "
    "hats and cymbals sometimes get a second stroke, as some recordings of the training set have; "
    "sharp partials of unseen sounds are reconstructed as noise bands.",
    "autoregressive": "Nothing above 8 kHz, so hats and cymbals are dull. A change of one latent "
    "changes all that follows: interpolation gives proper drums, but no morphs. The class is "
    "decided in the first milliseconds; what goes wrong there stays wrong. Of a hundred sounds 10 "
    "to 19 begin anew after they should have died, and a fifth is clipped.",
    "gan": "In the heterogeneous class `percussion` the pitched instruments blur into each other.",
}
HUB_LICENCES = ["gpl-2.0", "cc-by-sa-3.0", "cc-by-3.0", "cc0-1.0"]
"""Of the kits that are trained on; data/hydrogen.py has the licence of each."""


@dataclass(frozen=True, kw_only=True)
class Drums(RecipeOptions):
    """Train a model of drum one-shots."""

    out: Path = Path("runs/drums")
    family: Literal["vae", "gan", "autoregressive"] = "vae"
    budget: str = "75m"


def main(args: Drums) -> None:
    """The recipe, top to bottom."""
    folder = args.data or download_drums(set_folder(NAME))
    clips = load_clips(drum_manifest(folder), CLIPS[args.family]).unique()
    splits = drum_splits(clips)
    print(
        f"{len(clips)} clips of {len(set(clips.groups))} kits: {len(splits.train)} to train on, "
        f"{len(splits.validation)} for validation, {len(splits.test)} for test, "
        f"{len(splits.unseen)} of unseen kits"
    )

    if args.sheets:
        label_sheets(
            clips, args.out, lambda row: (Path(clips.files[row]).stem[:24], clips.groups[row])
        )
        return

    train_and_publish(
        args,
        splits,
        script="recipes/drums.py",
        summary=SUMMARY[args.family],
        limits=f"{DATA_LIMITS} {LIMITS[args.family]}",
        dataset=NAME,
        licences=HUB_LICENCES,
        benchmark=BENCHMARKS.get(args.family),
    )


if __name__ == "__main__":
    main(tyro.cli(Drums))
