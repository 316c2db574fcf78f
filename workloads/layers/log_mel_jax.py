"""Log-mel features of sound, in JAX. Nothing here is trained."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from workloads.layers import log_mel


def log_mel_features(audio: ArrayLike, paddings: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """(B, samples) sound and its paddings to (B, frames, BANDS) normalised features and their paddings.

    Features are float32, whatever the precision of the model behind them: powers of a spectrum have no place in
    sixteen bits.
    """
    audio, paddings = jnp.asarray(audio), jnp.asarray(paddings)
    audio = audio.astype(jnp.float32) * (1 - paddings.astype(jnp.float32)) * log_mel.SCALE
    starts = jnp.arange(0, audio.shape[1] - log_mel.FRAME + 1, log_mel.HOP)
    frames = audio[:, starts[:, jnp.newaxis] + jnp.arange(log_mel.WINDOW)]  # (B, frames, WINDOW)
    first = (1 - log_mel.PRE_EMPHASIS) * frames[..., :1]
    frames = jnp.concatenate([first, frames[..., 1:] - log_mel.PRE_EMPHASIS * frames[..., :-1]], axis=-1)
    spectrum = jnp.fft.rfft(frames * log_mel.hann_window(), n=log_mel.FFT)
    power = jnp.square(jnp.abs(spectrum))
    energies = jnp.matmul(power, log_mel.mel_matrix(), precision=jax.lax.Precision.HIGHEST)  # (B, frames, BANDS)
    mean, stddev = jnp.array(log_mel.MEAN, jnp.float32), jnp.array(log_mel.STDDEV, jnp.float32)
    features = (jnp.log(jnp.maximum(energies, log_mel.FLOOR)) - mean) / stddev
    # A frame is padded when all its samples are, the one that pre-emphasis leaves out included.
    window, stride = (1, log_mel.FRAME), (1, log_mel.HOP)
    highest = jnp.array(jnp.inf, paddings.dtype)
    return features, jax.lax.reduce_window(paddings, highest, jax.lax.min, window, stride, "VALID")
