"""A model's signal path from noise to sound, with its own sizes, as SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence

from dgm_audio.generator import AudioGenerator, Encoder, HasElbo, HasLogProb
from dgm_audio.specs import Classes, Field, Scalar, Text

WIDTH, HEIGHT = 760, 250
_BOXES = {"z": (20, 180), "decode": (290, 180), "x": (560, 180)}
_TOP, _TALL = 96, 74


def diagram(model: AudioGenerator) -> str:
    """z -> decode(z, c) -> x; conditions above, encoder and likelihood below."""
    latent, audio = model.latent, model.audio
    frames = latent.frames(audio.length)
    each = "one code per clip" if latent.hop is None else f"one per {_samples(latent.hop)}"
    seconds = f"{audio.seconds:.2f} s at {audio.sample_rate / 1000:g} kHz"
    parts = [
        _box("z", f"z  (1, {latent.channels}, {frames})", "noise, N(0, I)", each),
        _box("decode", "decode(z, c)", model.family, _parameters(model)),
        _box("x", f"x  (1, {audio.channels}, {audio.length})", "sound in [-1, 1]", seconds),
        _arrow(200, 133, 290, 133),
        _arrow(470, 133, 560, 133),
        *_conditions(list(model.condition)),
        *_encoder(model),
    ]
    title = f"How {model.name or 'this model'} makes sound of noise"
    return (
        f'<div class="dgm-wide"><svg class="dgm-diagram" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)}">{_MARKER}{"".join(parts)}</svg></div>'
    )


def _conditions(fields: Sequence[tuple[str, Field]]) -> list[str]:
    """The conditions, above the decoder."""
    if not fields:
        return [_text(380, 44, "no condition", "quiet")]
    labels = [f"{key}: {_allowed(spec)}" for key, spec in fields]
    lines = [_text(380, 20 + 18 * place, line) for place, line in enumerate(labels)]
    return [*lines, _arrow(380, 32 + 18 * (len(labels) - 1), 380, _TOP)]


def _encoder(model: AudioGenerator) -> list[str]:
    """The encoder and the likelihood, below the decoder."""
    parts = []
    if isinstance(model, Encoder):
        parts.append('<path class="wire" d="M650 170 V206 H110 V178" marker-end="url(#dgm-head)"/>')
        parts.append(_text(245, 200, "encode(x, c)"))
    exact, bound = isinstance(model, HasLogProb), isinstance(model, HasElbo)
    words = "log p(x | c), exact" if exact else "elbo: a lower bound of log p" if bound else ""
    if words:
        parts.append('<rect class="value" x="470" y="216" width="270" height="28" rx="6"/>')
        parts.append(_text(605, 235, words))
        parts.append(_arrow(690, 170, 690, 216))
    else:
        parts.append(_text(605, 235, "no likelihood", "quiet"))
    return parts


def _box(name: str, head: str, *lines: str) -> str:
    left, wide = _BOXES[name]
    middle = left + wide / 2
    rest = "".join(
        _text(middle, 142 + 18 * place, line, "quiet") for place, line in enumerate(lines)
    )
    return (
        f'<rect class="{name}" x="{left}" y="{_TOP}" width="{wide}" height="{_TALL}" rx="10"/>'
        f"{_text(middle, 120, head, 'head')}{rest}"
    )


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="middle">{html.escape(words)}</text>'


def _arrow(x0: float, y0: float, x1: float, y1: float) -> str:
    line = f'x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"'
    return f'<line class="wire" {line} marker-end="url(#dgm-head)"/>'


def _allowed(spec: Field) -> str:
    if isinstance(spec, Text):
        return f"what is said, in {', '.join(spec.languages)}"
    if isinstance(spec, Classes):
        return f"one of {len(spec.names)} ({spec.names[0]} ...)"
    if isinstance(spec, Scalar):
        return f"{spec.low:g} to {spec.high:g} {spec.unit}"
    return f"{spec.channels} numbers per {_samples(spec.hop)}, of a recording"


def _samples(hop: int) -> str:
    return "sample" if hop == 1 else f"{hop} samples"


def _parameters(model: AudioGenerator) -> str:
    count = sum(parameter.numel() for parameter in model.parameters())
    return f"{count / 1e6:.2f} million weights"


_MARKER = (
    '<defs><marker id="dgm-head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
    'markerHeight="8" orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>'
)
