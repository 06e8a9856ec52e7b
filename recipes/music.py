"""Music, from whole tracks to a model that plays on, answers and turns other sounds into it.

    python recipes/music.py --budget 90m --out runs/music
    python recipes/music.py --dataset asterisk-moh --budget 40m --out runs/hold-music
    python recipes/music.py --dataset maestro --data maestro-v3.0.0 --out runs/piano

Takes the score of the game Battle for Wesnoth (Debian, 153 MB) or telephone music on hold (8 MB),
which are fetched, or MAESTRO or GTZAN as they were unpacked; whole tracks, with their pauses and
levels, in parts of 20 s. Whole pieces or artists are held out, as each set's module says. Trains,
evaluates, and with --publish writes the model folder that ships with the package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from dgm_audio.data import ClipSet
from dgm_audio.data.sets import hold_music, home_music, music
from dgm_audio.data.sets.named import named_splits
from dgm_audio.release.recipe_script import RecipeOptions, label_sheets, train_and_publish

CLIPS = {
    name: replace(config, length=20 * config.sample_rate)
    for name, config in (
        (music.NAME, music.CLIPS),
        (hold_music.NAME, hold_music.CLIPS),
        (home_music.MAESTRO, home_music.MAESTRO_CLIPS),
        (home_music.GTZAN, home_music.GTZAN_CLIPS),
    )
}
"""Rate and channels of each set, in parts of 20 s."""
SOUNDS = {
    music.NAME: "Orchestral music at 44.1 kHz in stereo, in the manner of the score of the game "
    "Battle for Wesnoth (eight composers, 99 minutes, GPL-2.0-or-later).",
    hold_music.NAME: "Electronica at 16 kHz, mono, in the manner of music on hold (Macroform and "
    "Reno Project, 14 minutes, CC-BY-SA-3.0).",
    home_music.MAESTRO: "Piano at 44.1 kHz in stereo, in the manner of MAESTRO's competitions.",
    home_music.GTZAN: "Music of ten genres at 22.05 kHz, mono, as in GTZAN.",
}
SUMMARY = (
    "{} Streams: it turns any sound into its own kind as it comes, plays on without end, and its "
    "codes, 43 a second at 44.1 kHz and 31 at 16 kHz, can be moved by hand along axes that are "
    "ordered by weight."
)
LIMITS = (
    "It knows no score: what it plays by itself has a sound and a harmony of the moment, no themes "
    "that return, and hardly a beat. What is far from its music (speech, noise) becomes like it, "
    "not clear. There is no class or instrument to ask for. Judged by figures and pictures, not by "
    "listeners."
)
LICENCES = {
    music.NAME: ["gpl-2.0"],
    hold_music.NAME: ["cc-by-sa-3.0"],
    home_music.MAESTRO: ["cc-by-nc-sa-4.0"],
    home_music.GTZAN: ["unknown"],
}


@dataclass(frozen=True, kw_only=True)
class Music(RecipeOptions):
    """Train a streaming model of music.

    Args:
        dataset: which music.
    """

    out: Path = Path("runs/music")
    family: Literal["vae-stream"] = "vae-stream"
    budget: str = "90m"
    evaluations: int = 10  # half as often as of shorter clips: each takes a minute
    dataset: Literal["wesnoth-music", "asterisk-moh", "maestro", "gtzan"] = "wesnoth-music"

    def command(self, script: str) -> str:
        """With the data set, if it is not the first."""
        chosen = "" if self.dataset == music.NAME else f" --dataset {self.dataset}"
        return super().command(script) + chosen


def main(args: Music) -> None:
    """The recipe, top to bottom."""
    config = CLIPS[args.dataset]
    splits = named_splits(args.dataset, config, args.data)
    for words, clips in (
        ("to train on", splits.train),
        ("for validation", splits.validation),
        ("for test", splits.test),
        ("unseen", splits.unseen),
    ):
        minutes = clips.lengths.sum() / clips.sample_rate / 60
        print(f"{len(set(clips.files))} recordings, {minutes:.1f} min, {len(clips)} clips {words}")
    print(*splits.notes, sep="\n", end="\n" if splits.notes else "")

    if args.sheets:
        first = np.unique(splits.train.files, return_index=True)[1]
        firsts: ClipSet = splits.train.subset(np.sort(first))
        label_sheets(firsts, args.out, lambda row: (Path(firsts.files[row]).stem[:24], "beginning"))
        return

    train_and_publish(
        args,
        splits,
        script="recipes/music.py",
        summary=SUMMARY.format(SOUNDS[args.dataset]),
        limits=LIMITS,
        dataset=args.dataset,
        licences=LICENCES[args.dataset],
        benchmark="benchmarks/stream.py",
    )


if __name__ == "__main__":
    main(tyro.cli(Music))
