"""`python -m dgm_audio` and `dgm-audio` are the same."""

from __future__ import annotations

import sys

from dgm_audio.cli import main

if __name__ == "__main__":
    sys.exit(main())
