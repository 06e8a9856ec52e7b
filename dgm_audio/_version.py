"""The version, in one place: the build, the recipes in WAV files and the model folders read it."""

__version__ = "0.1.0"
