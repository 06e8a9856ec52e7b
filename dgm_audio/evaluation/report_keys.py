"""The names of a report's figures; against unseen groups they end in `_unseen`."""

KEYS = (
    "mmd_texture",
    "mmd_texture_floor",
    "mmd_texture_ceiling",
    "mmd_texture_closed",
    "mmd_scattering",
    "mmd_scattering_floor",
    "mmd_scattering_ceiling",
    "mmd_scattering_closed",
    "frechet_distance",
    "two_sample_auc",
    "two_sample_auc_floor",
    "two_sample_auc_ceiling",
    "two_sample_auc_reconstruction",
    "precision",
    "recall",
    "density",
    "coverage",
    "copy_score",
    "copy_score_real",
    "copied_share",
    "label_accuracy",
    "label_accuracy_real",
    "label_accuracy_floor",
    "in_tune",
    "in_tune_real",
    "reconstruction_db",
    "reconstruction_closed",
    "stft_distance",
    "stft_distance_opus",
    "stft_distance_identity",
    "bits_per_sample",
    "bits_per_sample_linear",
    "bits_per_sample_markov",
    "bits_per_sample_uniform",
    "bits_below_linear",
    "bits_below_markov",
)
"""Always in a report; None where the model or the data do not allow the figure."""

SHARES = (
    "label_accuracy",
    "two_sample_auc",
    "precision",
    "recall",
    "coverage",
    "copied_share",
    "in_tune",
    "clipped",
    "begins_anew",
    "never_silent",
    "cut_off",
)
"""Figures whose names begin so lie between 0 and 1."""


def bounded(name: str, ends: list[float]) -> list[float]:
    """The interval of a figure, within 0 to 1 for shares."""
    share = name.startswith(SHARES)
    return [min(max(end, 0.0), 1.0) for end in ends] if share else ends
