"""Log-mel features of sound, in PyTorch. Nothing here is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import nn

from workloads.layers import log_mel


class LogMel(nn.Module):
    """(B, samples) sound and its paddings to (B, frames, BANDS) normalised features and their paddings.

    Features are float32, whatever the precision of the model behind them: powers of a spectrum have no place in
    sixteen bits. Window, mean and deviation are buffers, as in the published state.
    """

    _normalizer_mean: torch.Tensor
    _normalizer_stddev: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("_normalizer_mean", torch.tensor(log_mel.MEAN, device="cpu").reshape(1, 1, -1, 1))
        self.register_buffer("_normalizer_stddev", torch.tensor(log_mel.STDDEV, device="cpu").reshape(1, 1, -1, 1))
        self.stft = nn.Module()
        self.stft.register_buffer("window", torch.hann_window(log_mel.WINDOW, device="cpu").reshape(1, 1, -1, 1))
        self._mel = _mel_matrix()

    def forward(self, audio: torch.Tensor, paddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.autocast(audio.device.type, enabled=False):
            return self._features(audio, paddings)

    def _features(self, audio: torch.Tensor, paddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        audio = audio.float() * (1 - paddings.float()) * log_mel.SCALE
        frames = audio.unfold(1, log_mel.FRAME, log_mel.HOP)[..., : log_mel.WINDOW]  # (B, frames, WINDOW)
        first = (1 - log_mel.PRE_EMPHASIS) * frames[..., :1]
        frames = torch.cat([first, frames[..., 1:] - log_mel.PRE_EMPHASIS * frames[..., :-1]], dim=-1)
        window: Any = self.stft.window
        spectrum = torch.fft.rfft(frames * window.float().flatten(), n=log_mel.FFT)
        energies = spectrum.abs().square() @ self._mel  # (B, frames, BANDS)
        mean, stddev = (part.float().flatten() for part in (self._normalizer_mean, self._normalizer_stddev))
        features = (energies.clamp(min=log_mel.FLOOR).log() - mean) / stddev
        # A frame is padded when all its samples are, the one that pre-emphasis leaves out included.
        return features, paddings.unfold(1, log_mel.FRAME, log_mel.HOP).amin(dim=-1)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        """The mel matrix follows the buffers from device to device; it is no part of the published state."""
        super()._apply(fn, recurse)
        self._mel = _mel_matrix().to(self._normalizer_mean.device)
        return self


def _mel_matrix() -> torch.Tensor:
    return torch.from_numpy(log_mel.mel_matrix(lambda x: torch.log(torch.from_numpy(x)).numpy()))
