"""The names of a report's figures."""

KEYS = (
    "label_accuracy",
    "label_accuracy_real",
    "label_accuracy_floor",
    "kernel_distance",
    "kernel_distance_floor",
    "kernel_distance_ceiling",
    "distance_closed",
    "frechet_distance",
    "two_sample_auc",
    "two_sample_auc_floor",
    "two_sample_auc_ceiling",
    "precision",
    "recall",
    "density",
    "coverage",
    "copy_score",
    "copy_score_real",
    "in_tune",
    "in_tune_real",
    "reconstruction_db",
    "reconstruction_closed",
    "stft_distance",
    "stft_distance_opus",
    "stft_distance_identity",
    "bits_per_sample",
    "bits_per_sample_markov",
    "bits_per_sample_uniform",
    "bits_below_markov",
    "bits_per_sample_unseen",
    "bits_per_sample_markov_unseen",
    "bits_per_sample_uniform_unseen",
    "bits_below_markov_unseen",
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
)
"""Figures whose names begin so lie between 0 and 1."""
