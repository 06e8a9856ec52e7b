"""Two ranks that are stopped and resumed learn what two that were not stopped learn."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

import dgm_audio
from dgm_audio.training.run_folder import load_state

SCRIPT = """
    import os, signal, socket, sys, traceback
    from pathlib import Path
    import numpy as np, torch
    torch.set_num_threads(1)
    from conftest import clip_set
    from dgm_audio.data import Splits
    from dgm_audio.training.loop import Loop
    from dgm_audio.training.config import TrainConfig
    from dgm_audio.training.run import fit
    from dgm_audio.families.vae.training import VAETask

    VAETask.width = 16
    clips = clip_set(12)
    splits = Splits(clips, *3 * [clips.subset(np.arange(0))])
    steps = 5

    def train(rank, out, stop, resume):
        original = Loop._step

        def step(loop, share):
            if rank == 1 and loop.at.step == stop - 1:
                os.kill(os.getpid(), signal.SIGINT)  # one of them hears of it
            return original(loop, share)

        Loop._step = step
        config = TrainConfig(
            out=Path(out), steps=steps, batch=4, evaluations=2, device="cpu", resume=resume
        )
        fit(splits, config, lambda model: 1.0)

    def ranks(*arguments):
        \"\"\"Exit codes of two processes with what torchrun tells its own.\"\"\"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        children = []
        for rank in range(2):
            children.append(os.fork())
            if children[-1]:
                continue
            signal.alarm(120)  # ends one that waits for the other for ever
            told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
            told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "x"}
            os.environ.update({key: str(value) for key, value in told.items()})
            code = 0
            try:
                train(rank, *arguments)
            except SystemExit as stop:
                code = stop.code
            except BaseException:
                traceback.print_exc()
                code = 1
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
        return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

    print(ranks("whole", 0, False), ranks("parts", 3, False), ranks("parts", 0, True))
"""


@pytest.mark.fault(22)
def test_a_stop_on_two_ranks_changes_nothing(tmp_path):
    places = [str(Path(dgm_audio.__file__).parents[1]), str(Path(__file__).parent)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(SCRIPT)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "[0, 0] [130, 130] [0, 0]", done.stderr[-3000:]
    whole, at = load_state(tmp_path / "whole" / "state.safetensors")
    parts, also_at = load_state(tmp_path / "parts" / "state.safetensors")
    assert whole.keys() == parts.keys() and at["step"] == also_at["step"] == 5
    assert [key for key in whole if not torch.equal(whole[key], parts[key])] == []
