"""The processes of a run, its ranks: one, or those that torchrun or a cluster has started.

They compute each step together and end together. One that dies takes the others with it: at once if
its connections close with it, or else after `RANK_TIMEOUT`. The state on disk stays, and the same
command with --resume goes on from it, on as many ranks as one likes.
"""

from __future__ import annotations

import logging
import os
import warnings
from datetime import timedelta

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

RANK_TIMEOUT = timedelta(minutes=10)
"""So long the ranks wait for a silent one, as they do for the first while it judges a model."""


def ranks_on(device: torch.device) -> Fabric:
    """One device, or all ranks that were started."""
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", ranks))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    together = DDPStrategy(find_unused_parameters=True, timeout=RANK_TIMEOUT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Fabric(
            accelerator="cuda" if device.type == "cuda" else "cpu",
            devices=here,
            num_nodes=max(1, ranks // here),
            strategy=together if ranks > 1 else "auto",
        )


def leave(fabric: Fabric) -> None:
    """End the ranks' group together: one that is still open when its process ends may abort it."""
    if fabric.world_size > 1:
        fabric.barrier()
        torch.distributed.destroy_process_group()


def is_lost_rank(error: RuntimeError) -> bool:
    """Whether an error says that another rank is gone, or was silent for too long."""
    words = str(error).lower()  # most are plain RuntimeErrors
    return isinstance(error, torch.distributed.DistError) or "gloo" in words or "nccl" in words


def lost_rank() -> str:
    """An error message: a lost rank, and how to go on."""
    minutes = RANK_TIMEOUT.total_seconds() / 60
    return (
        f"another rank of this run died, or was silent for {minutes:g} min; start all of them "
        "again with --resume to go on from the last saved state"
    )
