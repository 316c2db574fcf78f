"""Roots of matrices."""

import torch


def inverse_root(matrix: torch.Tensor, power: float, epsilon: float) -> torch.Tensor:
    """The matrix to the minus `power`, by eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag((values.clamp(min=0) + epsilon).pow(-power)) @ vectors.T
