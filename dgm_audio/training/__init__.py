"""The training loop, its steps and schedules."""
