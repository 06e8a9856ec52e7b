"""Pytest puts this folder on the path, so that every test finds `toys` and `vocoders`."""
