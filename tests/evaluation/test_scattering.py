"""The scattering embedding on sounds whose envelopes and modulations are known."""

import math
from dataclasses import replace

import pytest
import torch
from drum_sounds import RATE, drums

from dgm_audio.errors import InputError
from dgm_audio.evaluation import EMBEDDINGS, ScatteringEmbedding, TextureEmbedding, scattering
from dgm_audio.evaluation.embedding import embed
from dgm_audio.evaluation.standardised_reference import StandardisedReference

ONE = ScatteringEmbedding(lowest=1000, sections=1, modulated=1)
"""At 4 kHz it has one octave: four levels, then seven octaves of modulation of two pairs."""
SLOW = 4000
RATES = [4.0 * 2**k for k in range(7)]


def time(seconds, rate=SLOW):
    return torch.arange(round(seconds * rate), dtype=torch.float64) / rate


def tone(frequency, seconds=2.0, rate=SLOW, phase=0.0):
    return torch.sin(2 * math.pi * frequency * time(seconds, rate) + phase)


def tremolo(rate, depth=0.5, carrier=1000.0):
    return tone(carrier) * (1 + depth * tone(rate)) / 2


def clips(*sounds):
    return torch.stack(sounds).float()[:, None]


def depths(*sounds, embedding=ONE):
    """Modulation of the lowest pair of bands, in dB (N, 7)."""
    return embedding(clips(*sounds), SLOW)[:, 4:].view(-1, 2, 7)[:, 0]


def white(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# --- known answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(("frequency", "rate"), [(40.0, 8000), (1000.0, 16000), (7240.8, 44100)])
def test_the_envelope_of_a_tone_is_its_amplitude_where_its_band_is(frequency, rate):
    length = round(1.1 * rate) + 1  # odd, too
    x = 0.3 * tone(frequency, 1.0, rate).float()[None]
    octaves = ScatteringEmbedding(lowest=frequency).envelopes(x, rate, length)
    octave = octaves[0].values
    middle = octave[0, :, octave.shape[2] // 3 : octave.shape[2] // 2].mean(1)
    assert float(middle[0]) == pytest.approx(0.3, rel=0.02)
    half = ScatteringEmbedding(lowest=frequency / 2**0.125).envelopes(x, rate, length)[0].values
    between = half[0, :2, half.shape[2] // 3 : half.shape[2] // 2].mean(1)
    assert between.tolist() == pytest.approx([0.3 * 0.5**0.5] * 2, rel=0.06)  # half the power each


def test_a_tremolo_lands_in_the_band_of_its_rate_with_its_depth():
    found = depths(*[tremolo(rate) for rate in RATES])
    assert found.argmax(1).tolist() == list(range(7))
    # Morlet's wavelets have no mean: of their peak e^(-a^2) is taken away, a^2 = ln 2 / 0.414^2.
    peak = 1 - 2 ** (-1 / (2**0.5 - 1) ** 2)
    for depth in (0.5, 0.25):
        found = depths(*[tremolo(rate, depth) for rate in RATES]).diagonal()
        wanted = 20 * math.log10(depth * peak + scattering.LEAST_DEPTH)
        assert found[1:5].tolist() == pytest.approx([wanted] * 4, abs=0.7)


def test_a_filter_bank_of_other_rates_is_noticed():
    """The mutant of the test above: octaves of modulation that start at half the rate."""
    wrong = replace(ONE, slowest=2.0, fastest=128.0)
    found = depths(*[tremolo(rate) for rate in RATES], embedding=wrong)
    assert found.argmax(1).tolist() != list(range(7))


def test_amplitude_and_frequency_modulation_of_one_spectrum_differ():
    """The sidebands of both have the same magnitudes; only their phases tell."""
    t = 2 * math.pi * time(2.0)
    carrier, side = (1000 * t).sin() / 2, [((1000 + d * 32) * t).sin() / 8 for d in (-1, 1)]
    swaying = (1000 * t).cos() / 2
    am, fm = swaying + (side[1] - side[0]), carrier + (side[1] - side[0])
    spectra = [torch.fft.rfft(x).abs() for x in (am, fm)]
    torch.testing.assert_close(*spectra, atol=1e-6, rtol=1e-6)
    by_phase = depths(am, fm)[:, RATES.index(32.0)]
    assert float((by_phase[0] - by_phase[1]).abs()) > 10


def trembling(low, high, seed):
    """Two neighbouring partials that tremble at their own rates; pitches and levels vary."""
    rng = torch.Generator().manual_seed(seed)
    sounds = []
    for _ in range(16):
        *phases, first, second, level = torch.rand(7, generator=rng).tolist()
        a, b, c, d = (2 * math.pi * phase for phase in phases)
        one = tone(950 + 100 * first, 1.5, RATE, a) * (1 + 0.8 * tone(low, 1.5, RATE, b))
        other = tone(1160 + 120 * second, 1.5, RATE, c) * (1 + 0.8 * tone(high, 1.5, RATE, d))
        sounds.append((one * 4 ** (level - 0.5) + other) / 6)
    return clips(*sounds)


def told_apart(x, y, embedding):
    """Share of clips whose nearest neighbour in the standardised space is of their own kind."""
    standard = StandardisedReference.of(embed(torch.cat([x, y]), RATE, embedding))
    distance = torch.cdist(standard.points, standard.points).fill_diagonal_(torch.inf)
    kind = torch.arange(len(standard.points)) < len(x)
    return float((kind[distance.argmin(1)] == kind).double().mean())


def test_which_partial_trembles_is_told_better_than_by_log_mel_statistics():
    """Means and deviations over time are the same, and the modulation of both together."""
    x, y = trembling(8, 16, seed=0), trembling(16, 8, seed=1)
    assert told_apart(x, y, ScatteringEmbedding()) > 0.9
    assert told_apart(x, y, TextureEmbedding()) < 0.8
    levels = replace(ScatteringEmbedding(), fastest=1.0)  # the mutant of the first order only
    assert told_apart(x, y, levels) < 0.8


def test_attacks_of_3_and_20_ms_have_other_modulations():
    clicks = torch.zeros(2, 1, 8000)
    for row, seconds in enumerate((0.003, 0.02)):
        burst = tone(2100, seconds, 16000) * torch.hann_window(round(seconds * 16000))
        clicks[row, 0, 400 : 400 + len(burst)] = burst
    octave = ScatteringEmbedding(lowest=2000, sections=1, modulated=1, bands=2, fastest=512)
    quick, slow = octave(clicks, 16000)[:, 2:10]  # one pair of bands, 4 to 512 Hz
    deeper = quick - slow  # in dB: at 128 Hz and above against 4 to 16 Hz, where both are clicks
    assert float(deeper[-3:].min()) > float(deeper[:3].max()) + 6


# --- what it is blind to -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sounds():
    return torch.from_numpy(drums(8, seed=0)[0])


def test_gain_changes_nothing(sounds):
    numbers = ScatteringEmbedding()
    torch.testing.assert_close(
        numbers(0.01 * sounds, RATE), numbers(sounds, RATE), atol=0.01, rtol=0
    )


def test_a_small_shift_changes_little(sounds):
    numbers = ScatteringEmbedding()
    early = torch.nn.functional.pad(sounds, (80, 0))
    late = torch.nn.functional.pad(sounds[..., :-16], (96, 0))  # 1 ms later
    a, b = numbers(early, RATE), numbers(late, RATE)
    moved = (a - b).norm(dim=1).median()
    assert float(moved) < 0.12 * float(torch.cdist(a, a)[a.new_ones(8, 8).triu(1) > 0].median())


def with_tail(x, db):
    return x + white(*x.shape, seed=3) * 10 ** (db / 20)


def test_a_tail_far_beneath_the_sound_does_not_count(sounds, monkeypatch):
    numbers = ScatteringEmbedding()
    clean = numbers(sounds, RATE)
    assert float((numbers(with_tail(sounds, -77), RATE) - clean).abs().max()) < 1.5
    assert float((numbers(with_tail(sounds, -30), RATE) - clean).abs().max()) > 10
    monkeypatch.setattr(scattering, "GATE_DB", -120.0)  # the mutant without a gate
    ungated = numbers(sounds, RATE)
    assert float((numbers(with_tail(sounds, -77), RATE) - ungated).abs().max()) > 10


# --- any clips -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_clips_of_any_rate_length_and_content_are_embedded(rate):
    numbers, width = ScatteringEmbedding(), set()
    for length in (rate // 10, rate // 2 + 1):
        for x in (torch.zeros(2, 1, length), white(2, 2, length), torch.ones(1, 1, length)):
            found = numbers(x, rate)
            assert found.shape[0] == len(x) and found.dtype == torch.float32
            assert bool(found.isfinite().all())
            width.add(found.shape[1])
    assert len(width) == 1  # at any length as many numbers


def test_a_single_sample_is_a_clip():
    assert bool(ScatteringEmbedding()(torch.ones(1, 1, 1), 8000).isfinite().all())


def test_silence_is_silence_at_any_level():
    x = torch.stack([torch.zeros(1, 4000), 1e-7 * white(1, 4000)])
    silent = ScatteringEmbedding()(x, 8000)
    assert torch.equal(silent[0], silent[1])


def test_clips_do_not_depend_on_their_neighbours(sounds, monkeypatch):
    numbers = ScatteringEmbedding()
    together = numbers(sounds, RATE)
    monkeypatch.setattr(scattering, "_SAMPLES", 2 * sounds.shape[2])
    torch.testing.assert_close(numbers(sounds, RATE), together, atol=1e-3, rtol=0)
    torch.testing.assert_close(numbers(sounds[3:4], RATE), together[3:4], atol=1e-3, rtol=0)


def test_channels_are_averaged(sounds):
    numbers = ScatteringEmbedding()
    left, right = numbers(sounds[:2], RATE), numbers(sounds[2:4], RATE)
    both = numbers(torch.cat([sounds[:2], sounds[2:4]], 1), RATE)
    torch.testing.assert_close(both, (left + right) / 2, atol=1e-3, rtol=0)


def test_wrong_clips_are_refused():
    with pytest.raises(InputError, match="expected floats"):
        ScatteringEmbedding()(torch.zeros(3, 4), 8000)


def test_the_embeddings_of_a_report_have_names(sounds):
    assert list(EMBEDDINGS) == ["texture", "scattering"]
    widths = [embed(sounds, RATE, each).shape[1] for each in EMBEDDINGS.values()]
    assert widths[0] != widths[1] and min(widths) > 100
