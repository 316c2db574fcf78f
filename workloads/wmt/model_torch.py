"""Encoder and decoder of attention blocks for translating token sequences, in PyTorch.

Source: Vaswani et al. 2017 (arXiv 1706.03762) with layer norm inside the residual branches; sizes, initial values and
names as in the benchmark's parameter tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from workloads.api import ForwardPassMode
from workloads.losses.softmax_cross_entropy_torch import softmax_cross_entropy
from workloads.torch_base import TorchWorkload

_ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {"relu": F.relu, "tanh": torch.tanh}


def position_table(length: int, width: int) -> np.ndarray:
    """(length, width) float32: sines, then cosines, of the position at wavelengths from 2 pi to 20,000 pi."""
    frequencies = np.exp(np.arange(width // 2) * -(np.log(10_000.0) / (width // 2 - 1)))
    angles = np.arange(length)[:, np.newaxis] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


class PositionalEncoding(nn.Module):
    """Adds a fixed vector for each position; packed rows bring positions (B, L) that restart with every sentence."""

    pe: torch.Tensor

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        # A constant, so no part of the state dict. PyTorch adds the axis: NumPy gives it a stride of 0, at which the
        # broadcast of buffers between processes stops.
        self.register_buffer("pe", torch.from_numpy(position_table(length, width)).unsqueeze(0), persistent=False)

    def forward(self, x: torch.Tensor, positions: torch.Tensor | None) -> torch.Tensor:
        return x + (self.pe[:, : x.shape[1]] if positions is None else self.pe[0, positions])


class Attention(nn.Module):
    """Heads of scaled dot products without biases; self-attention keeps its three projections in one matrix."""

    def __init__(self, width: int, heads: int, temperature: float, *, cross: bool) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = temperature
        self.cross = cross
        if cross:
            self.q_proj = nn.Linear(width, width, bias=False)
            self.kv_proj = nn.Linear(width, 2 * width, bias=False)
        else:
            self.in_proj = nn.Linear(width, 3 * width, bias=False)
        self.out_proj = nn.Linear(width, width, bias=False)

    def project(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries, keys and values (B, heads, L, head) of self-attention."""
        queries, keys, values = (self._split(part) for part in self.in_proj(x).chunk(3, dim=-1))
        return self.temperature * queries, keys, values

    def project_queries(self, x: torch.Tensor) -> torch.Tensor:
        return self.temperature * self._split(self.q_proj(x))

    def project_memory(self, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values (B, heads, S, head) of an encoded source (B, S, width)."""
        keys, values = (self._split(part) for part in self.kv_proj(memory).chunk(2, dim=-1))
        return keys, values

    def attend(
        self,
        queries: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        mask: torch.Tensor,
        dropout_rate: float = 0.0,
    ) -> torch.Tensor:
        """(B, L, width); `mask` (B, 1, L, keys) is True where a query may look."""
        rate = dropout_rate if self.training else 0.0
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, dropout_p=rate)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def forward(
        self, x: torch.Tensor, memory: torch.Tensor | None, mask: torch.Tensor, dropout_rate: float
    ) -> torch.Tensor:
        if memory is None:
            return self.attend(*self.project(x), mask, dropout_rate)
        return self.attend(self.project_queries(x), *self.project_memory(memory), mask, dropout_rate)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Layer(nn.Module):
    """Self-attention, in the decoder attention to the source, and a feed-forward block, each in a residual branch."""

    def __init__(
        self,
        *,
        width: int,
        heads: int,
        mlp_dim: int,
        activation: str,
        gated: bool,
        post_norm: bool,
        attention_temperature: float,
        cross: bool,
    ) -> None:
        super().__init__()
        self.activation = _ACTIVATIONS[activation]
        self.post_norm = post_norm
        self.self_attn = Attention(width, heads, attention_temperature, cross=False)
        self.multihead_attn = Attention(width, heads, attention_temperature, cross=True) if cross else None
        self.linear1 = nn.Linear(width, mlp_dim)
        self.linear_glu = nn.Linear(width, mlp_dim) if gated else None
        self.linear2 = nn.Linear(mlp_dim, width)
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.norm3 = nn.LayerNorm(width, eps=1e-6) if cross else None

    def residual(
        self, x: torch.Tensor, norm: nn.Module, branch: Callable[[torch.Tensor], torch.Tensor], rate: float = 0.0
    ) -> torch.Tensor:
        """x + branch(x), normalised inside the branch or after the sum."""
        y = branch(x if self.post_norm else norm(x))
        x = x + F.dropout(y, rate, training=self.training)
        return norm(x) if self.post_norm else x

    def feed_forward(self, x: torch.Tensor, dropout_rate: float = 0.0) -> torch.Tensor:
        hidden = self.activation(self.linear1(x))
        if self.linear_glu is not None:
            hidden = hidden * self.linear_glu(x)
        return self.linear2(F.dropout(hidden, dropout_rate, training=self.training))

    def forward(
        self,
        x: torch.Tensor,
        mask: torch.Tensor,
        rate: float,
        memory: torch.Tensor | None = None,
        memory_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        x = self.residual(x, self.norm1, lambda y: self.self_attn(y, None, mask, rate), rate)
        last = self.norm2
        if self.multihead_attn is not None and self.norm3 is not None:
            attention = self.multihead_attn
            x = self.residual(x, self.norm2, lambda y: attention(y, memory, memory_mask, rate), rate)
            last = self.norm3
        return self.residual(x, last, lambda y: self.feed_forward(y, rate), rate)


class Stack(nn.Module):
    """Layers one after the other, and a last norm where the layers have none at their end."""

    def __init__(self, depth: int, *, width: int, post_norm: bool, **layer: Any) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(width=width, post_norm=post_norm, **layer) for _ in range(depth))
        self.norm = nn.Identity() if post_norm else nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: torch.Tensor, *arguments: Any) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x, *arguments)
        return self.norm(x)


class Encoder(nn.Module):
    """Holds the stack under the name that the parameter tables give it."""

    def __init__(self, **stack: Any) -> None:
        super().__init__()
        self.encoder = Stack(cross=False, **stack)


class Decoder(nn.Module):
    def __init__(self, **stack: Any) -> None:
        super().__init__()
        self.decoder = Stack(cross=True, **stack)


class Transformer(nn.Module):
    """Source and target tokens (B, S) and (B, T), 0 where a row is padded, to logits (B, T, vocabulary)."""

    def __init__(self, *, vocabulary: int, max_length: int, **stack: Any) -> None:
        super().__init__()
        width = stack["width"]
        self.shared_embedding = nn.Embedding(vocabulary, width)
        self.pos_encoder = PositionalEncoding(max_length, width)
        self.encoder = Encoder(**stack)
        self.decoder = Decoder(**stack)
        self._initialise()

    def forward(self, batch: Mapping[str, torch.Tensor], dropout_rate: float) -> torch.Tensor:
        memory = self.encode(batch, dropout_rate)
        targets, segments = batch["targets"], batch.get("targets_segmentation")
        # Each target token is predicted from the ones before it, the first from 0. In a packed row the first token of
        # a later sentence is predicted from the last one of the sentence before.
        x = self.embed(F.pad(targets, (1, 0))[:, :-1], batch.get("targets_position"), dropout_rate)
        causal = torch.ones(targets.shape[1], targets.shape[1], dtype=torch.bool, device=targets.device).tril()
        mask = attention_mask(targets, segments, segments, causal)
        memory_mask = attention_mask(batch["inputs"], segments, batch.get("inputs_segmentation"))
        return self.logits(self.decoder.decoder(x, mask, dropout_rate, memory, memory_mask))

    def encode(self, batch: Mapping[str, torch.Tensor], dropout_rate: float) -> torch.Tensor:
        """(B, S, width) of the source tokens."""
        inputs, segments = batch["inputs"], batch.get("inputs_segmentation")
        x = self.embed(inputs, batch.get("inputs_position"), dropout_rate)
        return self.encoder.encoder(x, attention_mask(inputs, segments, segments), dropout_rate)

    def embed(self, tokens: torch.Tensor, positions: torch.Tensor | None, dropout_rate: float) -> torch.Tensor:
        x = self.pos_encoder(self.shared_embedding(tokens), positions)
        return F.dropout(x, dropout_rate, training=self.training)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """The embedding is the output layer too."""
        return F.linear(x, self.shared_embedding.weight) / math.sqrt(x.shape[-1])

    def _initialise(self) -> None:
        """Kernels are spread as stored, so the fused ones start narrower than separate ones would."""
        nn.init.normal_(self.shared_embedding.weight)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.normal_(module.bias, std=1e-6)


def attention_mask(
    key_tokens: torch.Tensor,
    query_segments: torch.Tensor | None,
    key_segments: torch.Tensor | None,
    causal: torch.Tensor | None = None,
) -> torch.Tensor:
    """(B, 1, queries or 1, keys), True where a query may look: at tokens of its own sentence, if causal not ahead.

    Queries that only pad may have no key at all; these look everywhere, so that nothing becomes NaN.
    """
    mask = (key_tokens > 0)[:, None, None, :]
    if query_segments is not None and key_segments is not None:
        mask = mask & (query_segments[:, :, None] == key_segments[:, None, :])[:, None]
    if causal is not None:
        mask = mask & causal
    return mask | ~mask.any(dim=-1, keepdim=True)


class Workload(TorchWorkload):
    """Translation: cross entropy per target token, quality of the translations."""

    default_dropout_rate = 0.1

    def build_model(self) -> nn.Module:
        return Transformer(**self.spec.model)

    def model_fn(
        self,
        params: nn.Module,
        augmented_and_preprocessed_input_batch: Mapping[str, Any],
        model_state: None,
        mode: ForwardPassMode,
        rng: Any,
        update_batch_norm: bool,
        dropout_rate: float | None = None,
    ) -> tuple[torch.Tensor, None]:
        """Logits of each target token given those before it, so `targets` is read as well as `inputs`.

        The benchmark's own code leaves the switch to training mode to the submission here. Its baselines make it, and
        other models make it themselves; so does this one.
        """
        batch = {"inputs": augmented_and_preprocessed_input_batch}
        return super().model_fn(params, batch, model_state, mode, rng, update_batch_norm, dropout_rate)

    def forward(self, model: nn.Module, inputs: Mapping[str, torch.Tensor], dropout_rate: float) -> torch.Tensor:
        return model(inputs, dropout_rate)

    def loss_fn(
        self,
        label_batch: torch.Tensor,
        logits_batch: torch.Tensor,
        mask_batch: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, torch.Tensor]:
        """Softmax cross entropy of (B, T, vocabulary) logits and (B, T) tokens; an example is a token of weight 1."""
        return softmax_cross_entropy(label_batch, logits_batch, mask_batch, label_smoothing)

    def is_output_params(self, param_key: str) -> bool:
        return param_key == "shared_embedding.weight"
