"""What is compared when it is asked how much a model's sounds differ."""

import numpy as np
import pytest
from toys import ToyTone, ToyToneConfig

from dgm_audio.data import ClipSet
from dgm_audio.errors import InputError
from dgm_audio.evaluation import Reference
from dgm_audio.evaluation.diversity import diversity
from dgm_audio.specs import Classes, ConditionSpec, Scalar

CLASSES = ("high", "low")


class Notes(ToyTone):
    """It has a pitch, which it remembers to have been asked for."""

    def __init__(self):
        super().__init__(ToyToneConfig(1024))
        pitch = Scalar(0, 127, "MIDI number", 60)
        self.condition = ConditionSpec({"class": Classes(CLASSES), "pitch": pitch})
        self.asked = set()

    def _decode(self, z, condition, length):
        pairs = zip(condition["class"].tolist(), condition["pitch"].tolist(), strict=True)
        self.asked |= {(CLASSES[label], pitch) for label, pitch in pairs}
        return super()._decode(z, condition, length)


@pytest.fixture(scope="module")
def reference():
    """Nine clips of each class at neighbouring pitches, in no order."""
    rng = np.random.default_rng(0)
    audio = rng.uniform(-0.5, 0.5, (18, 1, 1024))
    pitches = [*(60.0 + rng.permutation(9)), *(40.0 + rng.permutation(9))]
    labels = ["high"] * 9 + ["low"] * 9
    return Reference(ClipSet.from_arrays(audio, 8000, labels=labels, pitches=pitches))


def test_all_sounds_of_a_class_are_asked_for_at_the_middle_pitch_of_its_clips(reference):
    model = Notes()
    diversity(model, reference)
    assert model.asked == {("high", 64.0), ("low", 44.0)}


def test_one_odd_sound_is_no_variety(reference):
    class OneOdd(Notes):
        def _decode(self, z, condition, length):
            odd = (z[:, :1] > 1.5).float()  # one in fifteen
            return super()._decode(odd * z, condition, length)

    assert 0 < diversity(Notes(), reference, n=32)
    assert diversity(OneOdd(), reference, n=32) < 0.01


def test_one_sound_does_not_differ(reference):
    with pytest.raises(InputError, match="n is 1; at least 2"):
        diversity(Notes(), reference, n=1)
