"""Training a WaveNet: the exact likelihood of crops, teacher-forced.

    loss = -mean_t log p(k_t | k_{<t}, c)

Half of the crops begin where their clip begins, as sampling does; the others begin anywhere, and
their first samples, for which the network lacks the context, are not scored.

Teacher forcing alone shows a model true contexts only (exposure bias): after an error of its own,
noise that grew too loud stays loud. Therefore half of the crops have a little noise on their
context, which ends before training does, so that the last updates are on clean contexts. And some
crops have a perturbed context: they begin as samples of the model itself, at another level, as
another sound or as silence, and fade into the true one, so that the model learns to return to its
condition.

References:
    Ross et al., "A reduction of imitation learning and structured prediction to no-regret online
    learning", 2011 (learning from the states that the learner itself gets into).
    Laskey et al., "DART: noise injection for robust imitation learning", 2017.
    Bengio et al., "Scheduled sampling for sequence prediction with recurrent neural networks", 2015
    (own samples as context).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.families.autoregressive.lpc_prior import LPCPrior, negative_log_likelihood
from dgm_audio.families.autoregressive.model import WaveNet, WaveNetConfig
from dgm_audio.families.autoregressive.network import POSITIONS
from dgm_audio.generator import AudioGenerator
from dgm_audio.objective import Losses, Objective, Task, ramp, take_weights

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

CROP = 4096
"""Samples of a crop, one per clip and step."""
CONTEXT = 1024
"""Samples at the start of a crop from within a clip that are not scored."""
LEAD = 2048
"""Samples before a crop from which linear prediction starts."""
NOISE = 1.0
"""Largest standard deviation of the noise on past symbols, in symbols."""
NOISE_ENDS = 0.7, 0.85
"""Shares of the budget between which the noise goes down to nothing."""
COMPONENTS = 4
"""Logistics of the mixture."""
ORDERS, TRIED = (64, 128), 32
"""Candidate orders of the linear prediction, and clips on which they are compared."""
OWN_SAMPLES, OWN_SAMPLE_STEPS = 8, 50
"""Number of samples of the model itself that serve as context, and steps between new ones."""
NEAR = 512
"""Samples on both sides of the start of the fade in which levels are compared."""
AFTER = 0.2
"""Share of the crops from within that may lie after the sound: silence must be learned, too."""
PERTURBED = 0.4
"""Share of the crops with a perturbed context."""


class AutoregressiveObjective(Objective):
    """Negative log-likelihood of one crop per clip.

    Args:
        generator: the model.
        mixed: run its network in bfloat16.

    Attributes:
        dreams: samples of the model itself (OWN_SAMPLES, T); the name is that in saved states.
        age: steps so far.
    """

    generator: WaveNet

    dreams: Tensor
    age: Tensor

    def __init__(self, generator: WaveNet, mixed: bool) -> None:
        super().__init__()
        self.generator, self.mixed = generator, mixed
        self.register_buffer("dreams", torch.zeros(OWN_SAMPLES, generator.config.length))
        self.register_buffer("age", torch.tensor(0))

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Negative log-likelihood per scored sample, in nats."""
        model, frame = self.generator, self.generator.config.frame
        crop = min(CROP, x.shape[2]) // frame * frame or x.shape[2]
        start = starts(x[:, 0], crop, frame)
        first = start[:, None] * frame
        lead = first.clamp(max=LEAD)
        place = first - lead + torch.arange(crop + LEAD, device=x.device)
        self._draw_own_samples(labels)
        audio, own = (
            F.pad(sounds, (0, max(0, x.shape[2] + LEAD - sounds.shape[1]))).gather(1, place)
            for sounds in (x[:, 0], self.dreams[torch.randint(OWN_SAMPLES, (len(x),))])
        )
        audio, scored_from = perturbed_context(audio, lead, own)
        symbols = model.codec.encode(audio)
        inputs = model.step_inputs(symbols)

        steps, row = (torch.arange(size, device=x.device) for size in (crop, len(x)))
        symbols, codes, difference, spread = (
            part[row[:, None], lead + steps] for part in (symbols, inputs.codes, *inputs.prior)
        )
        noise = NOISE * (1 - ramp(progress, *NOISE_ENDS))
        codes[..., 0] = _noisy(codes[..., 0], model.config.levels, noise)
        codes[..., 1] = _noisy(codes[..., 1], POSITIONS, noise)
        prior = LPCPrior(difference, spread)
        condition = {"class": labels} if model.config.classes else {}
        if model.front is not None:
            condition["mel"] = model.front(x[:, 0])
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            bias = model.conditioner(condition, start, model.conditioner.frames(crop))
            head = model.network(codes, bias, frame)
        output = model.config.output
        nats = negative_log_likelihood(head.float(), prior, model.edges, symbols, output)
        scored = steps >= scored_from
        mean = (nats * scored).sum() / scored.sum()
        bits = float(mean.detach()) / math.log(2)
        return Losses({"negative_log_likelihood": mean}, {"bits_per_sample": bits})

    @torch.no_grad()
    def _draw_own_samples(self, labels: Tensor) -> None:
        """Every OWN_SAMPLE_STEPS steps, new samples of the model as it is now."""
        self.age += 1
        model, due = self.generator, int(self.age) % OWN_SAMPLE_STEPS == 0
        if not due or model.front is not None:
            return
        picked = torch.randint(len(labels), (OWN_SAMPLES,)).to(labels.device)
        condition = {"class": labels[picked]} if model.config.classes else {}
        seed = int(torch.randint(2**31, ()))
        self.dreams.copy_(model.sample(OWN_SAMPLES, condition=condition, seed=seed)[:, 0])


def starts(x: Tensor, crop: int, frame: int) -> Tensor:
    """First frame (B,) of each crop of clips x (B, T): 0, one within the sound, or (AFTER) any."""
    end = torch.where(x != 0, torch.arange(x.shape[1], device=x.device), 0).amax(1) + crop // 4
    end = torch.where(torch.rand(len(x)).to(x.device) < AFTER, x.shape[1], end)
    last = (end.clamp(max=x.shape[1]) - crop).clamp_min(0) // frame
    anywhere = (torch.rand(len(x)).to(x.device) * (last + 1)).long()
    return torch.where(torch.rand(len(x)).to(x.device) < 0.5, anywhere, 0)


def perturbed_context(x: Tensor, lead: Tensor, own_samples: Tensor) -> tuple[Tensor, Tensor]:
    """Replace the context of some crops by another sound that fades into the true one.

    The other sound is one of the model's own samples, the next crop or the crop itself, at -10 to
    20 dB but never below the true level, or at a clip's start silence. It fades into the crop
    within 64 to 1024 samples, which are scored. Sound that has decayed never rises again.

    Args:
        x: crops with the samples before them (B, T).
        lead: number of samples before each crop (B, 1); 0 where the clip begins.
        own_samples: samples of the model (B, T).

    Returns:
        The crops (B, T), and the first sample of each that is scored (B, 1).
    """
    batch, length = x.shape
    draw = torch.rand(6, batch).to(x.device)[..., None]
    other = torch.where(draw[1] < 0.25, x, x.roll(1, 0))
    other = torch.where(draw[1] > 0.5, own_samples, other)
    begin = torch.where(lead > 0, CONTEXT * (1 + 2 * draw[4]), 2 ** (4 + 7.5 * draw[4]))
    begin = begin.clamp(max=(length - LEAD) / 2).floor()
    fade = 2 ** (6 + 4 * draw[5])
    since = torch.arange(length, device=x.device) - lead - begin
    share = (since / fade).clamp(0, 1)
    near = since.abs() < NEAR
    quiet, loud = (((part * near).square().mean(1, keepdim=True)).sqrt() for part in (other, x))
    gain = torch.maximum(10 ** (1.5 * draw[3] - 0.5), loud / quiet.clamp_min(1e-5))
    gain = torch.where((lead == 0) & (draw[2] < 0.2), 0, gain)
    mixed = share * x + (1 - share) * (gain * other).clamp(-1, 1)
    chosen = draw[0] < PERTURBED
    past = torch.where(lead > 0, CONTEXT, 0)
    return torch.where(chosen, mixed, x), torch.where(chosen, begin.long(), past)


@torch.no_grad()
def best_order(clips: ClipSet) -> int:
    """The order of linear prediction whose prior alone has the highest likelihood of the clips.

    Sounds that ring long want a higher one.
    """
    rows = list(range(0, len(clips), -(-len(clips) // TRIED)))
    x = clips.tensor(rows)[:, 0]
    within = torch.arange(x.shape[1]) < torch.as_tensor(clips.lengths[rows])[:, None]

    def nats(order: int) -> float:
        model = WaveNet(WaveNetConfig(clips.sample_rate, x.shape[1], predictor=order))
        symbols = model.symbols(x[:, None])
        prior, edges = model.step_inputs(symbols).prior, model.edges
        masses = prior.mixture().log_mass(edges[symbols], edges[symbols + 1])

        return -float(masses[within].mean())

    return min(ORDERS, key=nats)


def _noisy(codes: Tensor, levels: int, largest: float) -> Tensor:
    """Codes (B, T) with rounded Gaussian noise on about half of the rows."""
    scale = largest * (2 * torch.rand(len(codes), 1, device=codes.device) - 1).clamp_min(0)
    noise = torch.randn(codes.shape, device=codes.device) * scale
    return (codes + noise.round().long()).clamp(0, levels - 1)


class AutoregressiveTask(Task):
    """A WaveNet for the clips' rate, length and classes."""

    batch = 8
    rate = 2e-3
    highest_rate = 16000
    crop = CROP
    width = 64
    depth = 10

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        start_order = start.config.predictor if isinstance(start, WaveNet) else None
        model = WaveNet(
            WaveNetConfig(
                sample_rate=clips.sample_rate,
                length=clips.audio.shape[2],
                classes=clips.classes if len(clips.classes) > 1 else (),
                width=self.width,
                depth=self.depth,
                predictor=best_order(clips) if start_order is None else start_order,
                output="logistics",
                components=COMPONENTS,
            )
        )
        if start is not None:
            take_weights(model, start)
        self.objective = AutoregressiveObjective(model, mixed)
