"""Judging a generator against held-out real sound, with a floor and a ceiling."""
