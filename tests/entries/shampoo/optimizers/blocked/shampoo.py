"""Blocks of at most a few rows and columns, each with a left and a right preconditioner."""

import torch
import torch.distributed as dist
from roots import inverse_root
from torch.distributed import all_gather, get_rank, get_world_size

LARGEST = 64
GROUP = dist.new_group(ranks=list(range(get_world_size())))  # needs a process group when it is imported


class Shampoo(torch.optim.Optimizer):
    def __init__(self, params, lr, every) -> None:
        super().__init__(params, {"lr": lr})
        self._every, self._step = every, 0

    @torch.no_grad()
    def step(self, closure=None):
        self._step += 1
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            for p in params:
                self._accumulate(p)
            if self._step % self._every == 1:
                self._share_roots(params)
            for p in params:
                p.sub_(self._direction(p), alpha=group["lr"])

    def _accumulate(self, p):
        state, gradient = self.state[p], p.grad
        if not state:
            state["second"] = torch.zeros_like(p)
            if self._has_blocks(p):
                rows, columns = p.reshape(len(p), -1).shape
                state["left"], state["right"] = torch.zeros(rows, rows), torch.zeros(columns, columns)
                state["roots"] = [torch.eye(rows), torch.eye(columns)]
        state["second"].mul_(0.99).addcmul_(gradient, gradient, value=0.01)
        if "left" in state:
            flat = gradient.reshape(len(p), -1)
            state["left"].add_(flat @ flat.T)
            state["right"].add_(flat.T @ flat)

    @staticmethod
    def _has_blocks(p) -> bool:
        return p.ndim >= 2 and max(len(p), p.numel() // len(p)) <= LARGEST

    def _share_roots(self, params):
        """Every rank computes its share of the roots, then all get all."""
        matrices = [(self.state[p], side) for p in params if self._has_blocks(p) for side in (0, 1)]
        ranks = get_world_size(GROUP)
        for number, (state, side) in enumerate(matrices):
            owner, matrix = number % ranks, state["left" if side == 0 else "right"]
            root = torch.zeros_like(matrix)
            if owner == get_rank(GROUP):
                root = inverse_root(matrix, 0.25, 1e-6)
            gathered = [torch.empty_like(root) for _ in range(ranks)]
            all_gather(gathered, root, group=GROUP)
            state["roots"][side] = gathered[owner]

    def _direction(self, p):
        state = self.state[p]
        adam = p.grad / (state["second"] / (1 - 0.99**self._step)).sqrt().add(1e-8)
        if "left" not in state:
            return adam
        left, right = state["roots"]
        found = left @ p.grad.reshape(len(p), -1) @ right
        return (found * (adam.norm() / found.norm().clamp(min=1e-12))).reshape(p.shape)
