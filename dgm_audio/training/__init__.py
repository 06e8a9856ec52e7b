"""The training loop, its steps and schedules; imported only by those who train."""
