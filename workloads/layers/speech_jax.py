"""What the workloads on speech share, in JAX: pairs of arrays and paddings, and the loss between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from workloads.api import ForwardPassMode
from workloads.jax_base import JaxWorkload
from workloads.losses.ctc_jax import Sequences, ctc


class SpeechWorkload(JaxWorkload):
    """Sound to text: connectionist temporal classification, word error rate."""

    default_dropout_rate = 0.1

    def initial_variables(self, rng: jax.Array) -> tuple[Any, Any]:
        sound = jnp.zeros((1, 4000))  # of any length
        variables = self.build_model().init(
            {"params": rng}, sound, sound, dropout_rate=0.0, train=False, use_running_averages=True
        )
        variables = dict(variables)
        return variables.pop("params"), variables

    def model_fn(  # type: ignore[override]
        self,
        params: Any,
        augmented_and_preprocessed_input_batch: Mapping[str, Any],
        model_state: Any,
        mode: ForwardPassMode,
        rng: Any,
        update_batch_norm: bool,
        use_running_average_bn: bool | None = None,
        dropout_rate: float | None = None,
    ) -> tuple[Any, Any]:
        """Logits (B, frames, tokens) with their paddings (B, frames), and the new running averages.

        As in the benchmark, training moves the running averages whatever `update_batch_norm` says, unless
        `use_running_average_bn` is true. PyTorch keeps them when it is told so. An evaluation normalises with them,
        unless `use_running_average_bn` is false; it never moves them.
        """
        train = mode == ForwardPassMode.TRAIN
        running = not train if use_running_average_bn is None else use_running_average_bn
        sound, paddings = augmented_and_preprocessed_input_batch["inputs"]
        outputs, new_state = self.build_model().apply(
            {"params": params, **model_state},
            sound,
            paddings,
            dropout_rate=self.default_dropout_rate if dropout_rate is None else dropout_rate,
            train=train,
            use_running_averages=running,
            rngs={"dropout": rng} if train else None,
            mutable=["batch_stats"],
        )
        return outputs, new_state if train else model_state

    def loss_fn(  # type: ignore[override]
        self,
        label_batch: Sequences,
        logits_batch: Sequences,
        mask_batch: jax.Array | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, Any]:
        """Tokens and logits are pairs with their paddings; an example is a token; there is no label smoothing."""
        return ctc(label_batch, logits_batch, mask_batch)

    def is_output_params(self, param_key: str) -> bool:
        return param_key == "Dense_0"
