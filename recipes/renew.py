"""Evaluate models that ship anew: their cards, and the quality column of the README's table.

    python recipes/renew.py drums-vae music-vae     # evaluate, renew their cards and the table
    python recipes/renew.py                         # all of them; up to five minutes each
    python recipes/renew.py --cards                 # the cards in new words, from their figures
    python recipes/renew.py --readme                # the table only, from the cards as they are
    python recipes/renew.py --check                 # say whether the table is what the cards say

Every figure of the table is taken from the `config.json` beside a card, which the evaluation wrote.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from dgm_audio.cli.evaluate import reference_splits
from dgm_audio.release.publish import evaluate_model, renew, rewrite_evaluation
from dgm_audio.shipped import list_models, load

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| `([\w-]+)` \|(.*\|){5}$", re.MULTILINE)
QUALITY = 5
"""Place of the column among the cells of a row, the empty one before the first bar included."""


@dataclass(frozen=True, kw_only=True)
class Renew:
    """Evaluate shipped models anew."""

    models: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    cards: bool = False
    readme: bool = False
    check: bool = False


def main(args: Renew) -> None:
    """The recipe, top to bottom."""
    shipped = {info.name: ROOT / "checkpoints" / info.name for info in list_models()}
    chosen = args.models or tuple(shipped)
    if args.cards:
        left = [name for name in chosen if not rewrite_evaluation(shipped[name])]
        print(f"renewed only by an evaluation: {', '.join(left)}" if left else "")
    if args.cards or args.readme or args.check:
        chosen = ()
    for name in chosen:
        model = load(str(shipped[name]), device="cpu")
        splits = reference_splits(model, None)
        evaluation = evaluate_model(model, splits)
        print(f"{name}\n\n{evaluation.text}\n", flush=True)
        renew(shipped[name], splits, evaluation)

    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    metrics = {name: json.loads((folder / "config.json").read_text())["metrics"]
               for name, folder in shipped.items()}  # fmt: skip
    renewed = ROW.sub(lambda row: with_quality(row[0], metrics[row[1]]), text)
    if args.check:
        sys.exit(renewed != text and "README.md does not say what the cards say: run --readme")
    readme.write_text(renewed, encoding="utf-8")


def with_quality(row: str, metrics: Mapping[str, Any]) -> str:
    """A row of the table with what the figures say in its column."""
    cells = row.split("|")
    cells[QUALITY] = f" {quality(metrics)} "
    return "|".join(cells)


def quality(metrics: Mapping[str, Any]) -> str:
    """The headline of a card: on unseen groups, and in brackets on test clips."""
    pieces = [
        piece(metrics, "pesq", "PESQ {}"),
        piece(metrics, "pesq_gain_griffin_lim", "{} above our Griffin-Lim"),
        piece(metrics, "dnsmos", "DNSMOS {}"),
        piece(metrics, "word_error", "word error {}"),
        piece(metrics, "word_error_vocoded", "of vocoded recordings {}"),
        piece(metrics, "word_error_new", "of new sentences {}"),
        piece(metrics, "similarity_share", "{} as like the speaker as recordings"),
        piece(metrics, "in_tune", "in tune {}"),
        piece(metrics, "mmd_texture_closed", "MMD score {} by texture"),
        piece(metrics, "mmd_scattering_closed", "{} by scattering"),
        piece(metrics, "two_sample_auc", "two-sample AUC {}"),
        piece(metrics, "two_sample_auc_reconstruction", "of reconstructions {}"),
        piece(metrics, "bits_per_sample", "{} bits per sample"),
        piece(metrics, "bits_per_sample_linear", "linear prediction {}"),
    ]
    return "; ".join(one for one in pieces if one)


def piece(metrics: Mapping[str, Any], key: str, words: str) -> str:
    """A figure in words, with its interval; nothing if the model has none."""
    told = [value(metrics, key + end) for end in ("_unseen", "")]
    known = [text for text in told if text]
    if not known:
        return ""
    return words.format(known[0] + (f" (test {known[1]})" if len(known) > 1 else ""))


def value(metrics: Mapping[str, Any], key: str) -> str:
    """A figure and its interval, with two places."""
    if metrics.get(key) is None:
        return ""
    ends = metrics["ci"].get(key)
    return f"{metrics[key]:.2f}" + (f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else "")


if __name__ == "__main__":
    main(tyro.cli(Renew))
