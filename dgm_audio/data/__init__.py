"""From folders of audio files to clips: reading rules, cache, splits, the doctor."""
