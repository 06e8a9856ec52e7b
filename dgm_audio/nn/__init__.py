"""Network blocks that know nothing of families."""
