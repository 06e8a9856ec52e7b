"""The checks behind `dgm_audio.testing.check_generator`: one small function per property."""
