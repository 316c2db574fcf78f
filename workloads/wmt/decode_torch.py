"""What the judge makes of the Transformer in PyTorch: losses per token, and translations by beam search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from workloads.metrics.beam_search import BEAMS, beam_search, best_sequences, sentences_at_once
from workloads.wmt.model_torch import Attention, Transformer, attention_mask

_Outputs = tuple[np.ndarray, np.ndarray, np.ndarray]


def make_decoder(workload: Any) -> Callable[[Any, Any, Mapping[str, Any]], _Outputs]:
    """Loss and correctness (B, T) of each target token, and translations (B, L), of a batch on the device."""

    at_once = sentences_at_once(workload.spec.model["vocabulary"])

    def decode(model: Transformer, model_state: None, batch: Mapping[str, torch.Tensor]) -> _Outputs:
        model.eval()
        with torch.no_grad():
            parts = [_decode(workload, model, part) for part in _split(batch, at_once)]
        loss, correct, translations = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return loss, correct, translations

    return decode


def _split(batch: Mapping[str, torch.Tensor], at_once: int) -> list[dict[str, torch.Tensor]]:
    keys = ("inputs", "targets", "weights")
    parts = zip(*(batch[key].split(at_once) for key in keys), strict=True)
    return [dict(zip(keys, part, strict=True)) for part in parts]


def _decode(workload: Any, model: Transformer, batch: Mapping[str, torch.Tensor]) -> _Outputs:
    targets = batch["targets"]
    logits = model(batch, 0.0)
    loss = workload.loss_fn(targets, logits, batch["weights"])["per_example"]
    correct = logits.argmax(dim=-1) == targets
    sequences, _ = translate(model, batch["inputs"], workload.spec.model["max_length"])
    return loss.cpu().numpy(), correct.cpu().numpy(), best_sequences(sequences)


def translate(model: Transformer, inputs: torch.Tensor, max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """All beams of source tokens (B, S) and their scores, as `beam_search` gives them."""
    search = Search(model, inputs, max_length)
    return beam_search(search, len(inputs), model.shared_embedding.num_embeddings, max_length)


class Search:
    """Scores continuations one token at a time; keys and values of earlier ones are kept."""

    def __init__(self, model: Transformer, inputs: torch.Tensor, max_length: int) -> None:
        self._model = model
        self._layers: Any = list(model.decoder.decoder.layers)
        memory = model.encode({"inputs": inputs}, 0.0)
        self._memory = [layer.multihead_attn.project_memory(memory) for layer in self._layers]
        self._memory_mask = attention_mask(inputs, None, None)
        attention: Attention = self._layers[0].self_attn
        head = memory.shape[-1] // attention.heads
        # (layers, keys and values, B, beams, heads, max_length, head)
        self._cache = memory.new_zeros(len(self._layers), 2, len(inputs), BEAMS, attention.heads, max_length, head)

    def __call__(
        self, tokens: np.ndarray, parents: np.ndarray, scores: np.ndarray, position: int
    ) -> tuple[np.ndarray, np.ndarray]:
        device = self._cache.device
        sentence = torch.arange(len(tokens), device=device)[:, None]
        self._cache = self._cache[:, :, sentence, torch.from_numpy(parents.copy()).to(device)]
        logits = self._logits(torch.from_numpy(tokens.copy()).to(device), position)
        found = torch.log_softmax(logits, dim=-1) + torch.from_numpy(scores.copy()).to(device)[..., None]
        values, choices = found.flatten(1).topk(2 * BEAMS)
        return values.float().cpu().numpy(), choices.cpu().numpy()

    def _logits(self, tokens: torch.Tensor, position: int) -> torch.Tensor:
        """(B, beams, vocabulary) after `tokens` (B, beams), all of them at one position."""
        positions = torch.full_like(tokens, position)
        x = self._model.embed(tokens, positions, 0.0)
        for number in range(len(self._layers)):
            x = self._layer(number, x, position)
        return self._model.logits(self._model.decoder.decoder.norm(x))

    def _layer(self, number: int, x: torch.Tensor, position: int) -> torch.Tensor:
        layer, cache, memory = self._layers[number], self._cache[number], self._memory[number]
        x = layer.residual(x, layer.norm1, lambda y: self._attend_to_cache(layer.self_attn, cache, y, position))
        x = layer.residual(x, layer.norm2, lambda y: self._attend_to_source(layer.multihead_attn, memory, y))
        return layer.residual(x, layer.norm3, layer.feed_forward)

    def _attend_to_cache(
        self, attention: Attention, cache: torch.Tensor, x: torch.Tensor, position: int
    ) -> torch.Tensor:
        queries, *new = attention.project(x.flatten(0, 1)[:, None])  # (B * beams, heads, 1, head)
        cache[:, :, :, :, position] = torch.stack(new).squeeze(3).unflatten(1, x.shape[:2])
        keys, values = cache[..., : position + 1, :].flatten(1, 2)
        everywhere = torch.ones(1, 1, 1, position + 1, dtype=torch.bool, device=x.device)
        return attention.attend(queries, keys, values, everywhere).view_as(x)

    def _attend_to_source(
        self, attention: Attention, memory: tuple[torch.Tensor, torch.Tensor], x: torch.Tensor
    ) -> torch.Tensor:
        """The beams of a sentence are queries of one attention to its source."""
        return attention.attend(attention.project_queries(x), *memory, self._memory_mask)
