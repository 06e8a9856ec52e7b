"""The sentences under a report say what its figures say."""

import pytest

from dgm_audio.evaluation.report_sentences import sentences

BASE = {"counts": {"reference": 50}, "ci": {}}


def words(**figures):
    return " ".join(sentences({**BASE, **figures}))


def test_auc_is_how_often_the_recording_is_picked():
    assert "picks the recording 91 of 100 times (by chance: 50)" in words(two_sample_auc=0.91)


@pytest.mark.parametrize(
    ("auc", "again", "told"),
    [
        (0.91, 0.89, "mostly the decoder."),
        (0.91, 0.55, "mostly the latents drawn, not the decoder."),
        (0.55, 0.54, "54 of 100 times."),
    ],
)
def test_it_says_whether_decoder_or_prior_gives_a_model_away(auc, again, told):
    found = words(two_sample_auc=auc, two_sample_auc_reconstruction=again)
    assert told in found
    assert ("mostly" in found) == ("mostly" in told)


def test_a_listener_notices_only_what_lies_beyond_both_intervals():
    far = {"begins_anew": 0.16, "begins_anew_real": 0.02}
    apart = {"ci": {"begins_anew": [0.12, 0.2], "begins_anew_real": [0.0, 0.05]}}
    assert "second attack (0.16, real 0.02)" in words(**far, **apart)
    less = {"begins_anew": 0.0, "begins_anew_real": 0.16}
    swapped = {"ci": {"begins_anew_real": [0.12, 0.2], "begins_anew": [0.0, 0.05]}}
    assert "second attack (0, real 0.16)" in words(**less, **swapped)
    near = {"ci": {"begins_anew": [0.04, 0.2], "begins_anew_real": [0.0, 0.05]}}
    assert "notice" not in words(**far, **near)


def test_unseen_groups_are_spoken_of_where_there_are_any():
    both = {"two_sample_auc": 0.6, "two_sample_auc_unseen": 0.8}
    assert "60 of 100" in words(**both)
    assert "80 of 100" in words(**both, counts={"reference_unseen": 9})


def test_labels_are_told_with_what_noise_reaches():
    found = words(label_accuracy=0.77, label_accuracy_real=0.74, label_accuracy_floor=0.96)
    assert "77% of the sounds" in found and "96% of mere noise" in found
    assert "proves no quality" in found


def test_bits_stand_beside_linear_prediction():
    found = words(bits_per_sample=3.75, bits_per_sample_linear=3.92)
    assert "3.75 bits per sample" in found and "learns nothing, 3.92:" in found
