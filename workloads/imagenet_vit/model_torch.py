"""A Transformer over the patches of an image, in PyTorch.

Source: Dosovitskiy et al. 2020 (arXiv 2010.11929), Beyer et al. 2022 (arXiv 2205.01580): fixed positions, mean over
tokens; initial values and names as in the benchmark's parameter tables.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from workloads.losses.softmax_cross_entropy_torch import softmax_cross_entropy
from workloads.torch_base import TorchWorkload, lecun_normal_

_EPSILON = 1e-6  # of every layer norm


def position_table(rows: int, columns: int, width: int, device: torch.device) -> torch.Tensor:
    """(rows * columns, width) float32: sines and cosines of the column, then of the row, of every patch."""
    frequencies = 10_000 ** -torch.linspace(0, 1, width // 4, device=device)
    y, x = torch.meshgrid(torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij")
    angles = [place.flatten()[:, None] * frequencies for place in (x, y)]
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int, dropout_rate: float
) -> torch.Tensor:
    """Softmax attention of (B, queries, width) over (B, tokens, width), `dropout_rate` on its probabilities."""
    query, key, value = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value))
    mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout_rate)  # (B, heads, queries, width)
    return mixed.transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Every token looks at all tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        for linear in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, x: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        rate = dropout_rate if self.training else 0.0
        return self.out(attend(self.query(x), self.key(x), self.value(x), self.heads, rate))


class FeedForward(nn.Module):
    """Wider, GELU, where asked a gate on that hidden vector, narrower."""

    def __init__(self, width: int, hidden: int, *, gated: bool = False) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, hidden)
        self.glu_linear = nn.Linear(hidden, hidden) if gated else None
        self.linear2 = nn.Linear(hidden, width)
        for linear in self.children():
            _initialise(linear)

    def forward(self, x: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        x = F.gelu(self.linear1(x), approximate="tanh")
        if self.glu_linear is not None:
            x = x * self.glu_linear(x)  # the gate sees the activated vector, not the input of the block
        return self.linear2(F.dropout(x, dropout_rate, self.training))


class Block(nn.Module):
    """Attention and feed-forward around shortcuts, with a layer norm before each or after each addition."""

    def __init__(self, width: int, hidden: int, heads: int, *, gated: bool, post_norm: bool) -> None:
        super().__init__()
        self.post_norm = post_norm
        self.layer_norm0 = nn.LayerNorm(width, eps=_EPSILON)
        self.self_attention1 = SelfAttention(width, heads)
        self.layer_norm2 = nn.LayerNorm(width, eps=_EPSILON)
        self.mlp3 = FeedForward(width, hidden, gated=gated)

    def forward(self, x: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        for norm, branch in ((self.layer_norm0, self.self_attention1), (self.layer_norm2, self.mlp3)):
            y = branch(x if self.post_norm else norm(x), dropout_rate)
            x = x + F.dropout(y, dropout_rate, self.training)
            x = norm(x) if self.post_norm else x
        return x


class Encoder(nn.Module):
    """Blocks, and a last layer norm where they have theirs in front."""

    def __init__(self, depth: int, width: int, hidden: int, heads: int, *, gated: bool, post_norm: bool) -> None:
        super().__init__()
        blocks = (Block(width, hidden, heads, gated=gated, post_norm=post_norm) for _ in range(depth))
        self.net = nn.ModuleList(blocks)
        self.encoder_norm = nn.Identity() if post_norm else nn.LayerNorm(width, eps=_EPSILON)

    def forward(self, x: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        for block in self.net:
            x = block(x, dropout_rate)
        return self.encoder_norm(x)


class CrossAttention(nn.Module):
    """Queries look at tokens. Keys and values share one matrix, hence its narrower initial values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.kv_proj = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out_proj = nn.Linear(width, width)
        for linear in self.children():
            _initialise(linear)

    def forward(self, queries: torch.Tensor, tokens: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        key, value = self.kv_proj(tokens).chunk(2, dim=-1)
        rate = dropout_rate if self.training else 0.0
        return self.out_proj(attend(self.q_proj(queries), key, value, self.heads, rate))


class AttentionPooling(nn.Module):
    """One learned query instead of the mean over tokens: (B, tokens, width) to (B, width)."""

    def __init__(self, width: int, hidden: int, heads: int) -> None:
        super().__init__()
        self.probe = nn.Parameter(torch.empty(1, 1, width))
        nn.init.xavier_uniform_(self.probe)
        self.mha = CrossAttention(width, heads)
        self.layer_norm = nn.LayerNorm(width, eps=_EPSILON)
        self.mlp = FeedForward(width, hidden)

    def forward(self, x: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        x = self.mha(self.probe.expand(len(x), -1, -1), x, dropout_rate)
        x = x + self.mlp(self.layer_norm(x), dropout_rate)
        return x[:, 0]


class VisionTransformer(nn.Module):
    """(B, channels, height, width) images to (B, classes) logits."""

    def __init__(
        self,
        *,
        channels: int,
        patch: int,
        width: int,
        depth: int,
        mlp_dim: int,
        heads: int,
        classes: int,
        gated: bool,
        post_norm: bool,
        attention_pooling: bool,
    ) -> None:
        super().__init__()
        self.pre_logits = nn.Linear(width, width)
        self.conv_patch_extract = nn.Conv2d(channels, width, patch, patch)
        self.encoder = Encoder(depth, width, mlp_dim, heads, gated=gated, post_norm=post_norm)
        self.head = nn.Linear(width, classes)
        self.map = AttentionPooling(width, mlp_dim, heads) if attention_pooling else None
        lecun_normal_(self.pre_logits.weight)
        lecun_normal_(self.conv_patch_extract.weight)
        for name in ("pre_logits.bias", "conv_patch_extract.bias", "head.weight", "head.bias"):
            nn.init.zeros_(self.get_parameter(name))

    def forward(self, images: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        patches = self.conv_patch_extract(images)  # (B, width, rows, columns)
        rows, columns = patches.shape[2:]
        x = patches.flatten(2).mT  # (B, tokens, width)
        x = x + position_table(rows, columns, x.shape[2], x.device).to(x.dtype)
        x = self.encoder(F.dropout(x, dropout_rate, self.training), dropout_rate)
        x = x.mean(dim=1) if self.map is None else self.map(x, dropout_rate)
        return self.head(torch.tanh(self.pre_logits(x)))


def _initialise(linear: nn.Module) -> None:
    assert isinstance(linear, nn.Linear)
    nn.init.xavier_uniform_(linear.weight)
    nn.init.normal_(linear.bias, std=1e-6)


class Workload(TorchWorkload):
    """Image classification: cross entropy, top-1 accuracy."""

    def build_model(self) -> nn.Module:
        return VisionTransformer(channels=self.spec.data["image_shape"][2], **self.spec.model)

    def forward(self, model: nn.Module, inputs: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        return model(inputs, dropout_rate)

    def loss_fn(
        self,
        label_batch: torch.Tensor,
        logits_batch: torch.Tensor,
        mask_batch: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, torch.Tensor]:
        """Softmax cross entropy of (B, classes) logits; labels are classes (B,) or distributions (B, classes)."""
        return softmax_cross_entropy(label_batch, logits_batch, mask_batch, label_smoothing)

    def is_output_params(self, param_key: str) -> bool:
        return param_key in ("head.weight", "head.bias")
