"""Constants that compiled loops share with the torch code that they must agree with."""

GUARD = 2.0**-16
"""eta of the guard: a float32 z resolves a tail mass to 8e-6 of itself at worst."""
MIN_LOGIT = -40.0
"""Logits h, and log masses, so far below the largest one count no less: 4e-18 of it."""
SMALLEST = 1e-30
"""Least mass before that."""
SCALE = 0.6
"""Scale of a logistic in mean absolute errors, of highest likelihood for real sounds."""
SHARPEST = 7.0
"""Largest |r|."""
AHEAD = 16
"""Steps whose products with the past are taken at once."""
