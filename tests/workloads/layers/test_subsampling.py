"""The convolutions that shorten sequences: sizes, padding and masks, the same in both frameworks."""

from __future__ import annotations

import flax.linen as nn
import jax
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workloads.layers.subsampling_jax import Conv2dSubsampling
from workloads.layers.subsampling_torch import ConvSubsampling


@pytest.mark.parametrize(("frames", "valid"), [(12, 12), (12, 7), (11, 11), (11, 4)])
def test_both_frameworks_pad_and_mask_alike(frames, valid):
    random = np.random.default_rng(frames)
    x = random.normal(size=(2, frames, 10, 3)).astype(np.float32)
    paddings = (np.arange(frames) >= np.array([[frames], [valid]])).astype(np.float32)
    module = ConvSubsampling(3, 4, F.relu)
    torch.nn.init.normal_(module.bias)

    ours, our_paddings = module(torch.from_numpy(x.transpose(0, 3, 1, 2)), torch.from_numpy(paddings))

    kernel, bias = (value.detach().numpy() for value in (module.kernel, module.bias))
    params = {"kernel": kernel.transpose(2, 3, 1, 0), "bias": bias}
    theirs, their_paddings = Conv2dSubsampling(4, nn.relu).apply({"params": params}, jax.numpy.asarray(x), paddings)
    assert theirs.shape == (2, (frames + 1) // 2, 5, 4)
    np.testing.assert_allclose(ours.detach().numpy().transpose(0, 2, 3, 1), theirs, atol=1e-5)
    assert np.array_equal(our_paddings, their_paddings)
    assert not np.asarray(theirs)[1][np.asarray(their_paddings)[1] > 0].any()


def test_the_first_window_begins_with_the_first_frame_of_an_even_number_and_before_that_of_an_odd_one():
    module = ConvSubsampling(1, 1, torch.nn.Identity())
    with torch.no_grad():
        module.kernel[:] = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 0, 0]])  # the upper left corner
    for size, corner in ((4, 1.0), (5, 0.0)):
        x = torch.ones(1, 1, size, 4)
        assert module(x, torch.zeros(1, size))[0][0, 0, 0, 0].item() == corner
