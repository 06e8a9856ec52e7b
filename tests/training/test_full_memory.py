"""A GPU whose memory is full while a model learns."""

from dataclasses import replace

import pytest
import torch

from dgm_audio.errors import TrainingError
from dgm_audio.training import loop as loop_module
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.run import fit
from dgm_audio.training.run_folder import RunFolder, load_state


@pytest.mark.fault(27)
@pytest.mark.parametrize(("batch", "told"), [(4, "--batch 2"), (1, "--seconds")])
def test_full_memory_suggests_a_way_out_and_leaves_the_run_to_be_resumed(
    tmp_path, splits, monkeypatch, batch, told
):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(loop_module, "likelihood_step", full)
    config = replace(TrainConfig(out=tmp_path / "run", steps=4), batch=batch, evaluations=1)
    with pytest.raises(TrainingError) as error:
        fit(splits, config, lambda model: 0.0)
    text = str(error.value)
    assert told in text and "\n" not in text and "memory is full" in text
    assert load_state(tmp_path / "run" / "state.safetensors")[1]["step"] == 0
    RunFolder(tmp_path / "run", resume=True).close()  # nobody holds it any more
