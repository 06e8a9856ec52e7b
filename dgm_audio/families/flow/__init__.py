"""Normalizing flows of audio."""
