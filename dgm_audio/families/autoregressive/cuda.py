"""The sampler for a CUDA GPU: one launch of a Triton kernel moves all streams on by many steps.

A launch ends where a hop of the linear prediction does (see `cuda_prediction`). Launches queue up:
nothing waits for the CPU.

Triton comes with torch on Linux. It needs no nvcc, but a C compiler to build its launcher once.

Weights, operands and the past are float16, sums and logits float32, and prediction and the choice
of a symbol float64. On held-out drums, before the network had predictions to correct, that changed
bits per sample by 0.0001 %: float16 moved a symbol's log mass by 0.00025 nats, bfloat16 by 0.0022.
Every tile has 16 streams whatever the batch, so a sound does not depend on its neighbours.

A model's first sampler on a GPU compiles the kernel and compares it with the network itself: see
`check`. If that fails the CPU samples, and a warning says why.
"""

from __future__ import annotations

import copy
import math
import warnings
import weakref
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.families.autoregressive.contract import Sampler, SteppedModel, Steps
from dgm_audio.families.autoregressive.cuda_packing import TILE, pack, padded, sizes
from dgm_audio.families.autoregressive.distribution import (
    latents_of_tails,
    log_probability,
    tails_of_latents,
)
from dgm_audio.families.autoregressive.lpc_prior import log_masses

WARPS = 8
"""Warps of a program: with fewer, the choice of a symbol does not fit into the registers."""
DEEPEST = 3
"""Stages of the pipeline over layers, where shared memory allows them."""
TOLERANCE = 0.01
"""Largest mean |log p - log p of the network| in nats; float16 gave 0.0015 with random weights."""

_problems: weakref.WeakKeyDictionary[SteppedModel, tuple[object, str]] = weakref.WeakKeyDictionary()
_warned: set[str] = set()


class CudaSampler:
    """Streams on a GPU (see the module, and `Sampler`).

    Args:
        model: on the GPU; its weights are copied.
        batch: number of streams.
        half: precision of weights, operands and past.

    Raises:
        ImportError: if Triton is missing.
    """

    def __init__(self, model: SteppedModel, batch: int, half: torch.dtype = torch.float16) -> None:
        import triton  # noqa: F401

        from dgm_audio.families.autoregressive.cuda_prediction import PredictionState

        config, device = model.config, model.device
        self.batch, self.t = batch, 0
        self.period = 2**config.depth
        self.width = padded(config.width)
        self.weights = [weight.contiguous() for weight in pack(model, half)]
        tiles, slots = -(-batch // TILE), 2 * (2**config.depth - 1) * config.cycles
        self.rings = torch.zeros(tiles, slots, TILE, self.width, dtype=half, device=device)
        self.symbol = torch.full((tiles * TILE,), model.codec.silence, device=device).int()
        self.x = torch.zeros(tiles * TILE, device=device)
        self.prediction = PredictionState(model.predictor, tiles * TILE, device)
        self.mixture = torch.zeros(
            tiles * TILE, padded(model.network.head.out_features), device=device
        )
        depth = stages(self.width, padded(config.skip), half.itemsize, device)
        self.sizes = {**sizes(model), "STAGES": depth}

    @torch.no_grad()
    def advance(
        self, bias: Tensor, *, tails: Tensor | None = None, symbols: Tensor | None = None
    ) -> Steps:
        """See `Sampler`."""
        given = tails if symbols is None else symbols
        assert given is not None
        shape, device = given.shape, bias.device
        unused = torch.zeros(1, dtype=torch.float32, device=device)
        inputs = (
            self._pad_bias(bias),
            unused.double() if tails is None else tails.contiguous(),
            unused.long() if symbols is None else symbols.contiguous(),
        )
        kinds = torch.int64, torch.float32, torch.float64, torch.float64
        results = Steps(*(torch.empty(shape, dtype=kind, device=device) for kind in kinds))
        done, hop = 0, self.prediction.hop
        with torch.cuda.device_of(bias):
            while done < shape[1]:
                if self.t % hop == 0:
                    self.prediction.renew()
                steps = min(hop - self.t % hop, shape[1] - done)
                counts = self.batch, shape[1], bias.shape[1], done, steps
                self._launch(inputs, results, counts, symbols is not None)
                self.t, done = self.t + steps, done + steps
        return results

    def _launch(
        self, inputs: tuple[Tensor, ...], results: Steps, counts: tuple[int, ...], given: bool
    ) -> None:
        """The next steps, within a hop."""
        from dgm_audio.runtime.kernels.wavenet_cuda import run_steps

        launch: Any = run_steps
        memory = self.prediction
        launch[(len(self.rings),)](
            *self.weights,
            self.rings,
            self.symbol,
            self.x,
            memory.samples,
            memory.coefficients,
            memory.errors,
            self.mixture,
            *inputs,
            *results,
            *counts,
            self.t % self.period,
            self.t % memory.hop,
            int(given),
            **self.sizes,
            num_warps=WARPS,
            enable_fp_fusion=False,
        )

    def _pad_bias(self, bias: Tensor) -> Tensor:
        """Biases (B, F, layers, 2, R) with R padded, at an address that wide loads can take."""
        halves = bias.unflatten(-1, (2, -1))
        halves = F.pad(halves, (0, self.width - halves.shape[-1])).contiguous()
        return halves.clone() if halves.data_ptr() % 16 else halves


def stages(width: int, skip: int, itemsize: int, device: torch.device) -> int:
    """Stages of the pipeline over layers whose buffers fit into the GPU's shared memory."""
    if device.type != "cuda":
        return 1
    limits = torch.cuda.get_device_properties(device)
    room = getattr(limits, "shared_memory_per_block_optin", 49152) - 8192  # AMD's have no such name
    layer = itemsize * (5 * width * width + width * skip + TILE * width) + 8 * TILE * width
    return max(1, min(DEEPEST, 1 + room // layer))


# --- the choice of a sampler -------------------------------------------------------------------


def make_sampler(model: SteppedModel, batch: int) -> Sampler:
    """The kernel, or the CPU's sampler where it fails, with a warning that says why (once)."""
    problem = check(model)
    if not problem:
        return CudaSampler(model, batch)
    if problem not in _warned:
        _warned.add(problem)
        message = f"the CUDA sampler is not used: {problem}; the CPU samples instead"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return Elsewhere(model, batch)


class Elsewhere:
    """The CPU's sampler for a model on another device."""

    def __init__(self, model: SteppedModel, batch: int) -> None:
        self.device = model.device
        self.sampler = copy.deepcopy(model).cpu().sampler(batch)

    def advance(
        self, bias: Tensor, *, tails: Tensor | None = None, symbols: Tensor | None = None
    ) -> Steps:
        """See `Sampler`."""
        tails, symbols = (None if part is None else part.cpu() for part in (tails, symbols))
        steps = self.sampler.advance(bias.cpu(), tails=tails, symbols=symbols)
        return Steps(*(part.to(self.device) for part in steps))


def check(model: SteppedModel) -> str:
    """Why the kernel cannot sample this model, in a few words; empty if it can.

    The answer is kept as long as the weights are the same ones.
    """
    weights = [(weight.data_ptr(), _version(weight)) for weight in model.parameters()]
    checked, problem = _problems.get(model, (None, ""))
    if checked != weights:
        problem = _problem(model)
        _problems[model] = weights, problem
    return problem


def _problem(model: SteppedModel) -> str:
    try:
        difference = disagreement(model)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # the compiler has many ways to fail
        return (str(error).strip() or type(error).__name__).splitlines()[0]
    if difference <= TOLERANCE:
        return ""
    return f"its log masses differ by {difference:.3g} nats from the network's"


def _version(weight: Tensor) -> int:
    """Changes in place so far; tensors of inference mode do not count them."""
    return 0 if weight.is_inference() else weight._version


@torch.no_grad()
def disagreement(
    model: SteppedModel, batch: int = TILE + 1, half: torch.dtype = torch.float16
) -> float:
    """Mean |log p - log p of the network| in nats over sounds that the kernel samples.

    They are long enough for every ring to come round and for three hops, and scored by the network
    all at once; inf if the latents that the kernel finds for them do not decode to them again.
    """
    config, frame = model.config, model.config.frame
    longest = max(2 ** (config.depth - 1), 2 * model.predictor.hop)
    count = model.conditioner.frames(longest + 48)
    rng, plain = torch.Generator().manual_seed(0), {"dtype": torch.float32, "device": "cpu"}
    condition = {}
    if config.classes:
        condition["class"] = torch.arange(batch, device=model.device) % len(config.classes)
    if config.mel:
        frames = -(-count * frame // config.mel.hop)
        noise = torch.randn(batch, config.mel.n_mels, frames, generator=rng, **plain)
        condition["mel"] = noise.to(model.device)
    start = torch.zeros(batch, dtype=torch.long, device=model.device)
    bias = model.conditioner(condition, start, count).float()

    z = torch.randn(batch, count * frame, generator=rng, **plain).to(model.device)
    drawn = CudaSampler(model, batch, half).advance(bias, tails=tails_of_latents(z))
    found = CudaSampler(model, batch, half).advance(bias, symbols=drawn.symbols)
    tails = tails_of_latents(latents_of_tails(found.tails))
    again = CudaSampler(model, batch, half).advance(bias, tails=tails)
    if not (torch.equal(drawn.symbols, again.symbols) and torch.equal(drawn.x, again.x)):
        return math.inf
    inputs = model.step_inputs(drawn.symbols)
    head = model.network(inputs.codes, bias, frame).float()
    masses = log_masses(head, inputs.prior, model.edges, config.output)
    expected = log_probability(masses, drawn.symbols)
    return float((drawn.masses.log() - expected).abs().mean())
