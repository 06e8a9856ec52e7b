"""The version, in one place: the build, the provenance of sounds and the model folders read it."""

__version__ = "0.1.0"
