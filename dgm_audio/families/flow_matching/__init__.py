"""Flow matching: an ordinary differential equation between noise and a representation of sound."""
