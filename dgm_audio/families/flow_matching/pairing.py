"""Pairs of noise and data that lie close together, within a minibatch.

    minimise sum_i |z_pi(i) - y_i|^2 over permutations pi that keep the class

Paths of such pairs cross less than those of random pairs, so that velocities vary less and few
steps suffice. Data of each class still meet noise of the same distribution: a permutation keeps it.

References:
    Pooladian et al., "Multisample flow matching", 2023.
    Tong et al., "Improving and generalizing flow-based generative models with minibatch optimal
    transport", 2024.
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


@torch.no_grad()
def paired(noise: Tensor, data: Tensor, labels: Tensor | None = None) -> Tensor:
    """The noise (B, D, L), item i of it for item i of the data.

    Items are exchanged within a class only: noise that is drawn independently of the classes stays
    so.

    Args:
        noise: (B, D, L).
        data: (B, D, L).
        labels: class indices (B,); None if there are no classes.
    """
    if labels is None:
        labels = torch.zeros(len(data), dtype=torch.long, device=data.device)
    order = torch.arange(len(data), device=noise.device)
    for label in labels.unique():
        own = (labels == label).nonzero()[:, 0].to(noise.device)
        cost = torch.cdist(data[own].flatten(1).double(), noise[own].flatten(1).double()).square()
        rows, columns = linear_sum_assignment(cost.cpu().numpy())
        order[own[torch.from_numpy(rows).to(own)]] = own[torch.from_numpy(columns).to(own)]
    return noise[order]
