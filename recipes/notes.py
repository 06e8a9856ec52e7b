"""Single notes, from a General MIDI soundfont or NSynth to an instrument that can be played.

    python recipes/notes.py --family vae --budget 60m --out runs/notes-vae
    python recipes/notes.py --family gan --start runs/notes-vae/model --out runs/notes-gan
    python recipes/notes.py --dataset nsynth --data nsynth --family vae --out runs/nsynth-vae

Renders Debian's Fluid soundfont into labelled notes (8,000 of them, 15 families of instruments,
pitches 24 to 84; needs `pip install --no-deps tinysoundfont`), or takes NSynth as it
was unpacked, holds whole instruments out, trains, evaluates, and with --publish writes the model
folder that ships with the package. Pitch and instrument are conditions; the code is left with the
timbre.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from dgm_audio.data import ClipConfig, load_clips
from dgm_audio.data.sets import notes, nsynth
from dgm_audio.data.sets.named import SETS, set_folder
from dgm_audio.release.recipe_script import RecipeOptions, label_sheets, train_and_publish

CLIPS = {
    notes.NAME: ClipConfig(sample_rate=44100, length=65536),
    nsynth.NAME: ClipConfig(sample_rate=16000, length=65536),
}
"""Rate and length of the clips: 1.5 s of the soundfont, all 4 s of NSynth."""
SUMMARY = {
    notes.NAME: "Single notes of 1.5 s at 44.1 kHz, in tune at any pitch from {low:g} to {high:g} "
    "(MIDI number), of 15 families of instruments; the latent is the timbre, and stays when the "
    "pitch moves.",
    nsynth.NAME: "Single notes of 4 s at 16 kHz, in tune at any pitch from {low:g} to {high:g} "
    "(MIDI number), of 11 families of acoustic, electronic and synthetic instruments; the latent "
    "is the timbre, and stays when the pitch moves.",
}
"""With the lowest and the highest pitch that is trained on."""
ALL_LIMITS = (
    "there is no other length, no vibrato to ask for and no loudness (all notes are brought to one "
    "peak). Inharmonic sounds (bells, detuned layers) are approximated by harmonics and noise. "
    "Judged by figures and pictures, not by listeners."
)
LIMITS = {
    notes.NAME: "Rendered sounds, of one soundfont. Notes are held for a second and then released; "
    + ALL_LIMITS,
    nsynth.NAME: "Nothing above 8 kHz. Notes are held for three seconds and then released; "
    + ALL_LIMITS,
}
LICENCES = {notes.NAME: ["mit"], nsynth.NAME: ["cc-by-4.0"]}


@dataclass(frozen=True, kw_only=True)
class Notes(RecipeOptions):
    """Train a model of single notes.

    Args:
        dataset: which notes.
    """

    out: Path = Path("runs/notes")
    family: Literal["vae", "gan"] = "vae"
    budget: str = "60m"
    dataset: Literal["fluid-notes", "nsynth"] = "fluid-notes"

    def command(self, script: str) -> str:
        """With the data set, if it is not the first."""
        chosen = "" if self.dataset == notes.NAME else f" --dataset {self.dataset}"
        return super().command(script) + chosen


def main(args: Notes) -> None:
    """The recipe, top to bottom."""
    named = SETS[args.dataset]
    folder = args.data or named.download(set_folder(args.dataset))
    clips = load_clips(named.manifest(folder), CLIPS[args.dataset]).unique()
    splits = named.splits(clips)
    print(
        f"{len(clips)} notes of {len(set(clips.groups))} instruments in {len(clips.classes)} "
        f"families: {len(splits.train)} to train on, {len(splits.validation)} for validation, "
        f"{len(splits.test)} for test, {len(splits.unseen)} unseen",
        *splits.notes,
        sep="\n",
    )

    if args.sheets:
        label_sheets(
            clips, args.out, lambda row: (clips.groups[row][:24], f"pitch {clips.pitches[row]:g}")
        )
        return

    pitches = splits.train.pitches
    train_and_publish(
        args,
        splits,
        script="recipes/notes.py",
        summary=SUMMARY[args.dataset].format(low=pitches.min(), high=pitches.max()),
        limits=LIMITS[args.dataset],
        dataset=args.dataset,
        licences=LICENCES[args.dataset],
        benchmark="benchmarks/vae.py",
    )


if __name__ == "__main__":
    main(tyro.cli(Notes))
