"""Two processes that train together: one dies, the run goes on, and a single one takes it over."""

import os
import socket
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import clip_set

from dgm_audio.data import Splits
from dgm_audio.families.vae.training import VAETask
from dgm_audio.training import ranks
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.run import fit
from dgm_audio.training.run_folder import load_state

RANK = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    import test_ranks
    from dgm_audio.errors import DgmAudioError
    from dgm_audio.training.loop import Loop

    original, fatal = Loop._step, int(sys.argv[3])

    def step(loop, share):
        if loop.at.step == fatal and loop.fabric.global_rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(loop, share)

    Loop._step = step
    try:
        test_ranks.train(Path(sys.argv[2]), steps=6, resume=fatal < 0)
    except DgmAudioError as error:
        sys.exit(f"error: {error}")
"""


def train(out, steps, resume):
    clips = clip_set(12)
    none = clips.subset(np.arange(0))
    settings = TrainConfig(out, steps=steps, batch=4, evaluations=2, resume=resume, device="cpu")
    VAETask.width = 32  # of the other processes, too
    fit(Splits(clips, none, none, none), settings, lambda model: 1.0)


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def launch(folder, fatal):
    """Start both, wait for both: exit statuses, what they said, seconds from one end to the other.

    Without torchrun, whose agent would end the other rank: a cluster may have none.
    """
    script = folder / "rank.py"
    script.write_text(textwrap.dedent(RANK))
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0", "OMP_NUM_THREADS": "1"}
    shared |= {"TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": "localhost"}
    shared |= {"MASTER_PORT": str(free_port())}
    command = [sys.executable, script, Path(__file__).parent, folder / "run", str(fatal)]
    processes = [
        subprocess.Popen(
            command,
            env=os.environ | shared | {"RANK": rank, "LOCAL_RANK": rank},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    try:
        processes[1].wait(timeout=120)
        ended = time.monotonic()
        said = processes[0].communicate(timeout=60)[1]
        return [process.returncode for process in processes], said, time.monotonic() - ended
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.fault(25, 26)
def test_a_rank_that_dies_ends_the_run_which_goes_on_when_it_is_resumed(tmp_path, figure):
    statuses, said, seconds = launch(tmp_path, fatal=4)
    figure("the other rank ended after", seconds, "s")
    assert statuses == [1, -9]
    assert seconds < 30 < ranks.RANK_TIMEOUT.total_seconds()
    last = said.strip().splitlines()[-1]
    assert last == f"error: {ranks.lost_rank()}" and "--resume" in last
    state = tmp_path / "run" / "state.safetensors"
    assert load_state(state)[1]["step"] == 3  # where it was evaluated
    statuses, said, _ = launch(tmp_path, fatal=-1)
    assert statuses == [0, 0], said
    assert load_state(state)[1]["step"] == 6
    train(tmp_path / "run", steps=7, resume=True)  # on a single rank
    tensors, at = load_state(state)
    assert at["step"] == 7 and at["skipped"] == 0
    assert all(bool(value.isfinite().all()) for value in tensors.values())
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()


@pytest.mark.fault(25)
def test_ranks_wait_no_longer_than_the_timeout(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(ranks, "RANK_TIMEOUT", timedelta(seconds=7))
    fabric = ranks.ranks_on(torch.device("cpu"))
    assert fabric.strategy._timeout == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError("[gloo/transport/tcp/pair.cc:545] Connection reset by peer"), True),
        (RuntimeError("gloo/unbound_buffer.cc:82] Timed out waiting 600000ms for recv"), True),
        (torch.distributed.DistNetworkError("the server is gone"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_only_errors_of_the_connection_are_a_lost_rank(error, lost):
    assert ranks.is_lost_rank(error) is lost
