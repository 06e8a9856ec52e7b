"""A GPU whose memory is full: no sound is lost, and it is said."""

import warnings

import pytest
import torch
from toys import ToyFlow, ToyFlowConfig

from dgm_audio.errors import InputError


class Small(ToyFlow):
    """A model on a GPU that has room for so many sounds at once."""

    def __init__(self, room):
        super().__init__(ToyFlowConfig())
        self.room, self.made = room, []

    def _decode(self, z, condition, length):
        if len(z) > self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        self.made.append(len(z))
        return super()._decode(z, condition, length)


@pytest.mark.fault(27)
@pytest.mark.parametrize(("room", "parts"), [(6, [4, 3]), (3, [2, 2, 2, 1]), (1, [1] * 7)])
def test_a_batch_that_does_not_fit_is_made_in_parts_and_a_warning_says_so_once(room, parts):
    condition = {"class": ["low", "high", "high", "low", "low", "high", "low"]}
    expected = ToyFlow(ToyFlowConfig()).sample(7, seed=1, condition=condition)
    model = Small(room)
    with pytest.warns(
        UserWarning, match=rf"full with 7 sounds at once; made {parts[0]} at"
    ) as told:
        found = model.sample(7, seed=1, condition=condition)
    assert len(told) == 1
    assert torch.equal(found, expected)
    assert model.made[-len(parts) :] == parts


@pytest.mark.fault(27)
def test_a_single_sound_that_does_not_fit_is_one_line_with_a_way_out():
    with pytest.raises(InputError, match="a sound of 32 samples; ask for a shorter one, or use"):
        Small(0).sample(3, seed=1)


def test_what_fits_is_made_at_once():
    model = Small(7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.sample(7, seed=1)
    assert model.made == [7]
