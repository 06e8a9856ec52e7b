"""`python demo/app.py [MODEL ...]`: the web demo; the same as `dgm-audio demo`."""

import sys

from dgm_audio.cli import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
