"""What plays live is any model with the Protocol `RunsLive`: here a cosine transform, no VAE."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import soundfile
import torch
from scipy.fft import dct
from torch import Tensor, nn

from dgm_audio.apps.directions import find_directions
from dgm_audio.apps.live import Settings, play
from dgm_audio.apps.transfer import transfer
from dgm_audio.capabilities import LiveStream, RunsLive
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import AudioSpec, ConditionSpec, LatentSpec

HOP, RATE = 128, 8000


@dataclass(frozen=True)
class CosineConfig:
    length: int = field(default=4096, metadata={"low": 1, "high": 2**20})


class Cosine(AudioGenerator):
    """Each hop of 128 samples as its cosine transform: z = C x."""

    family = "toy-cosine"
    config_class = CosineConfig

    def __init__(self, config: CosineConfig) -> None:
        super().__init__()
        self.config = config
        self.audio, self.latent = AudioSpec(RATE, 1, config.length), LatentSpec(HOP, HOP)
        self.condition = ConditionSpec()
        basis = torch.from_numpy(dct(np.eye(HOP), norm="ortho", axis=0)).float()
        self.basis = nn.Parameter(basis)
        self.register_buffer("axes", torch.eye(HOP))
        self.register_buffer("spread", torch.linspace(0.2, 0.1, HOP))

    informative = HOP

    def _decode(self, z, condition, length):
        return (self.basis.T @ z).transpose(1, 2).flatten(1)[:, None, :length].clamp(-1, 1)

    def codes(self, z, condition=None):
        return z

    latents = codes

    def axes_of(self, code):
        return code / self.spread[:, None]

    def stream(self):
        return CosineStream(self)


class CosineStream:
    """One hop late, as if it had to look ahead."""

    hop = latency = HOP

    def __init__(self, model: Cosine) -> None:
        self.model, self.early = model, 1

    def latency_ms(self, block):
        return 1000 * (self.latency + block) / RATE

    @torch.no_grad()
    def encode(self, block: Tensor) -> Tensor:
        held = getattr(self, "held", block[:, :, :0])
        x = torch.cat([held, block], dim=2)
        self.held = x[:, :, -HOP:]
        return self.model.basis @ x[:, 0, :-HOP].unflatten(1, (-1, HOP)).transpose(1, 2)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        return (self.model.basis.T @ z).transpose(1, 2).flatten(1)[:, None]

    def encode_axes(self, block):
        return self.model.axes_of(self.encode(block))

    def decode_axes(self, axes):
        return self.decode(axes * self.model.spread[:, None])


@pytest.fixture
def model():
    return Cosine(CosineConfig()).eval()


def sound(samples=2000):
    return 0.1 * torch.randn(1, 1, samples, generator=torch.Generator().manual_seed(0))


def test_it_keeps_the_protocols(model):
    assert isinstance(model, RunsLive)
    stream: LiveStream = model.stream()
    assert stream.encode(sound(HOP)).shape == (1, HOP, 0)


def test_what_it_transfers_unchanged_is_the_sound(model):
    x = sound()
    torch.testing.assert_close(transfer(model, x, follow=False), x, atol=1e-5, rtol=0)


def test_an_axis_is_moved_by_deviations(model):
    x = sound(HOP * 8)
    moved = transfer(model, x, bias={1: 2.0}, follow=False)
    constant = 2 * 0.2 / HOP**0.5  # the first axis is the mean of a hop
    torch.testing.assert_close(moved, x + constant, atol=1e-5, rtol=0)


def test_a_file_is_played_through_it_in_time(model, tmp_path):
    x = sound(4000)
    soundfile.write(tmp_path / "in.wav", x[0, 0].numpy(), RATE, subtype="FLOAT")
    out = tmp_path / "out.wav"
    lines = []
    settings = Settings(tmp_path / "in.wav", out, 256, follow=False, format="float")
    load = play(model, settings, lines.append)
    made, rate = soundfile.read(out)
    late = len(made) - 4000
    assert rate == RATE and load.blocks > 15 and any("latency" in line for line in lines)
    np.testing.assert_allclose(made[late:], x[0, 0].numpy(), atol=1e-4)


def test_its_own_music_is_played(model, tmp_path):
    out = tmp_path / "out.wav"
    play(model, Settings(None, out, 256, seconds=0.5, seed=3), lambda line: None)
    assert 0 < np.abs(soundfile.read(out)[0]).max() <= 1


def test_a_block_that_is_no_whole_hops_is_refused(model, tmp_path):
    with pytest.raises(InputError, match="block is 100; it must be a multiple of the model's hop"):
        play(model, Settings(None, tmp_path / "x.wav", 100, seed=3), lambda line: None)


def test_its_axes_are_directions(model):
    found = find_directions(model, 3)
    assert found.count == 3 and found.through is model
