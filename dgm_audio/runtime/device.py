"""Choice of device."""

from __future__ import annotations

import torch

from dgm_audio.errors import InputError


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """The device to run on; "auto" takes a CUDA GPU if there is one, else the CPU.

    Raises:
        InputError: if the device is unknown, or is CUDA and this machine has none.
    """
    if isinstance(device, torch.device):
        return device
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cpu":
        return torch.device("cpu")
    if device == "cuda" or device.startswith("cuda:"):
        if not torch.cuda.is_available():
            raise InputError(f"device is {device!r}, but no CUDA GPU is usable here; use 'cpu'")
        return torch.device(device)
    raise InputError(f"device is {device!r}; it must be auto, cpu or cuda")
