"""What the judge makes of the Transformer in JAX: losses per token, and translations by beam search."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from workloads.api import ForwardPassMode
from workloads.metrics.beam_search import BEAMS, beam_search, best_sequences, sentences_at_once
from workloads.wmt.model_jax import _ACTIVATIONS, Transformer, position_table

_Outputs = tuple[np.ndarray, np.ndarray, np.ndarray]
_Params = Mapping[str, Any]


def make_decoder(workload: Any) -> Callable[[Any, Any, Mapping[str, Any]], _Outputs]:
    """Loss and correctness (B, T) of each target token, and translations (B, L), of a batch on the device."""
    translator = Translator(workload)
    at_once = sentences_at_once(workload.spec.model["vocabulary"])

    @jax.jit
    def teach(params: _Params, batch: Mapping[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        logits, _ = workload.model_fn(params, batch, None, ForwardPassMode.EVAL, None, False, dropout_rate=0.0)
        loss = workload.loss_fn(batch["targets"], logits, batch["weights"])["per_example"]
        return loss, logits.argmax(axis=-1) == batch["targets"]

    def decode(params: _Params, model_state: Any, batch: Mapping[str, jax.Array]) -> _Outputs:
        parts = []
        for first in range(0, len(batch["inputs"]), at_once):
            part = {key: batch[key][first : first + at_once] for key in ("inputs", "targets", "weights")}
            sequences, _ = translator.translate(params, part["inputs"])
            parts.append((*map(np.asarray, teach(params, part)), best_sequences(sequences)))
        loss, correct, translations = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return loss, correct, translations

    return decode


class Translator:
    """Beam search with the workload's model; its programs are compiled once."""

    def __init__(self, workload: Any, max_length: int | None = None) -> None:
        """`max_length` of translations; the model's own if not given."""
        self._sizes: Mapping[str, Any] = workload.spec.model
        self._max_length: int = max_length or self._sizes["max_length"]
        self._model: Transformer = workload.build_model()
        self._remember = jax.jit(self._remembered)
        self._score = jax.jit(self._scored, donate_argnames="cache")

    def translate(self, params: _Params, inputs: jax.Array | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All beams of source tokens (B, S) and their scores, as `beam_search` gives them."""
        sizes = self._sizes
        memory = self._remember(params, inputs)
        shape = (sizes["depth"], 2, len(inputs), BEAMS, self._max_length, *memory[0][0].shape[2:])
        cache = jnp.zeros(shape, memory[0][0].dtype)

        def score(
            tokens: np.ndarray, parents: np.ndarray, scores: np.ndarray, position: int
        ) -> tuple[np.ndarray, np.ndarray]:
            nonlocal cache
            values, choices, cache = self._score(params, memory, inputs, tokens, parents, scores, position, cache=cache)
            return np.asarray(values), np.asarray(choices)

        return beam_search(score, len(inputs), sizes["vocabulary"], self._max_length)

    def _remembered(self, params: _Params, inputs: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
        """Keys and values (B, S, heads, head) of the encoded source for every layer of the decoder."""
        encoded: Any = self._model.apply({"params": params}, {"inputs": inputs}, method=Transformer.encode)
        attentions = (layer["MultiHeadDotProductAttention_1"] for layer in self._layers(params))
        return [(_heads(attention["key"], encoded), _heads(attention["value"], encoded)) for attention in attentions]

    def _scored(
        self,
        params: _Params,
        memory: list[tuple[jax.Array, jax.Array]],
        inputs: jax.Array,
        tokens: jax.Array,
        parents: jax.Array,
        scores: jax.Array,
        position: jax.Array,
        *,
        cache: jax.Array,
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Values, choices and the new cache (layers, keys and values, B, beams, max_length, heads, head)."""
        cache = cache[:, :, jnp.arange(len(tokens))[:, None], parents]
        embedding = params["shared_embedding"]["embedding"]
        table = jnp.asarray(position_table(self._max_length, self._sizes["width"]))
        x = embedding[tokens] + table[position]  # (B, beams, width)
        for number, layer in enumerate(self._layers(params)):
            x, cache = self._layer(layer, x, memory[number], inputs > 0, position, number, cache)
        if not self._sizes["post_norm"]:
            x = _norm(params["decoder"]["encoderdecoder_layernorm"], x)
        logits = x @ embedding.T / math.sqrt(x.shape[-1])
        found = jax.nn.log_softmax(logits) + scores[..., None]
        values, choices = jax.lax.top_k(found.reshape(len(tokens), -1), 2 * BEAMS)
        return values, choices, cache

    def _layer(
        self,
        layer: _Params,
        x: jax.Array,
        memory: tuple[jax.Array, jax.Array],
        source: jax.Array,
        position: jax.Array,
        number: int,
        cache: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """One layer of the decoder for one token of every beam (B, beams, width)."""
        own, other = (layer[f"MultiHeadDotProductAttention_{index}"] for index in (0, 1))
        temperature = self._sizes["attention_temperature"]
        seen = jnp.arange(cache.shape[4]) <= position

        def attend_to_cache(y: jax.Array) -> jax.Array:
            nonlocal cache
            new = jnp.stack([_heads(own["key"], y), _heads(own["value"], y)])
            cache = cache.at[number, :, :, :, position].set(new)
            keys, values = cache[number]
            scores = jnp.einsum("bkhd,bklhd->bkhl", _queries(own, y, temperature), keys)
            return _mixed(own, "bkhl,bklhd->bkhd", scores, seen, values)

        def attend_to_source(y: jax.Array) -> jax.Array:
            keys, values = memory
            scores = jnp.einsum("bkhd,bshd->bkhs", _queries(other, y, temperature), keys)
            return _mixed(other, "bkhs,bshd->bkhd", scores, source[:, None, None, :], values)

        branches: tuple[Callable[[jax.Array], jax.Array], ...] = (
            attend_to_cache,
            attend_to_source,
            partial(self._feed_forward, layer["MlpBlock_0"]),
        )
        for index, branch in enumerate(branches):
            norm = partial(_norm, layer[f"LayerNorm_{index}"])
            x = norm(x + branch(x)) if self._sizes["post_norm"] else x + branch(norm(x))
        return x, cache

    def _feed_forward(self, block: _Params, x: jax.Array) -> jax.Array:
        hidden = _ACTIVATIONS[self._sizes["activation"]](_dense(block["Dense_0"], x))
        if self._sizes["gated"]:
            return _dense(block["Dense_2"], hidden * _dense(block["Dense_1"], x))
        return _dense(block["Dense_1"], hidden)

    def _layers(self, params: _Params) -> list[_Params]:
        return [params["decoder"][f"encoderdecoderblock_{number}"] for number in range(self._sizes["depth"])]


def _heads(layer: _Params, x: jax.Array) -> jax.Array:
    return jnp.einsum("...w,whd->...hd", x, layer["kernel"])


def _queries(attention: _Params, x: jax.Array, temperature: float) -> jax.Array:
    queries = _heads(attention["query"], x)
    return queries * (temperature / math.sqrt(queries.shape[-1]))


def _mixed(attention: _Params, how: str, scores: jax.Array, mask: jax.Array, values: jax.Array) -> jax.Array:
    weights = jax.nn.softmax(jnp.where(mask, scores, jnp.finfo(scores.dtype).min))
    return jnp.einsum("bkhd,hdw->bkw", jnp.einsum(how, weights, values), attention["out"]["kernel"])


def _dense(layer: _Params, x: jax.Array) -> jax.Array:
    return x @ layer["kernel"] + layer["bias"]


def _norm(layer: _Params, x: jax.Array) -> jax.Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = jnp.square(centred).mean(axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + 1e-6) * layer["scale"] + layer["bias"]
