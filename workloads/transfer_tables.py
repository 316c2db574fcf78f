"""Per family: which PyTorch module stands behind which JAX module. Names are those of the parameter tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

Shapes = Mapping[str, Sequence[int]]


class Source(NamedTuple):
    """PyTorch modules or tensors, how they are joined, and which part of their rows is meant."""

    names: tuple[str, ...]
    part: tuple[int, int] | None = None  # (index, of how many)
    join: str | None = None  # an operation of `transfer`
    transposed: bool = False  # a transposed convolution


Pairs = Iterator[tuple[str, Source]]


def _criteo1tb(shapes: Shapes) -> Pairs:
    chunks = tuple(name for name in shapes if name.startswith("embedding_chunk"))
    yield "embedding_table", Source(chunks, join="concat rows")
    matrices = _modules(shapes, rank=2)
    yield from _numbered("Dense", matrices)
    scales = _modules(shapes, rank=1)
    bottom = [name for name in scales if name.startswith("bot_mlp")]
    embedding = [name for name in scales if name.startswith("embed_ln")]
    top = [name for name in scales if name.startswith("top_mlp")]
    yield from _numbered("LayerNorm", [*bottom, *embedding, *top])


def _fastmri(shapes: Shapes) -> Pairs:
    blocks = dict.fromkeys(name.partition(".conv_layers.")[0] for name in shapes if ".conv_layers." in name)
    order = ("down_sample_layers", "conv", "up_conv")
    for number, block in enumerate(sorted(blocks, key=lambda name: order.index(name.partition(".")[0]))):
        inside = f"{block}.conv_layers."
        convolutions = [name for name in _modules(shapes, rank=4) if name.startswith(inside)]
        yield from _numbered(f"ConvBlock_{number}/Conv", convolutions)
        norms = [name for name in _modules(shapes, rank=1) if name.startswith(inside)]
        yield from _numbered(f"ConvBlock_{number}/LayerNorm", norms)
    transposed = [name for name in _modules(shapes, rank=4) if name.startswith("up_transpose_conv")]
    for number, name in enumerate(transposed):
        yield f"TransposeConvBlock_{number}/ConvTranspose_0", Source((name,), transposed=True)
    (last,) = (name.removesuffix(".bias") for name in shapes if name.endswith(".1.bias") and "conv_layers" not in name)
    yield "Conv_0", Source((last,))


def _imagenet_resnet(shapes: Shapes) -> Pairs:
    yield "Conv_init", Source(("conv1",))
    yield "BatchNorm_init", Source(("bn1",))
    blocks = dict.fromkeys(
        name.partition(".conv")[0] for name in shapes if name.startswith("layer") and ".conv" in name
    )
    blocks = dict.fromkeys(name.removesuffix(".downsample") for name in blocks)
    for number, block in enumerate(blocks):
        inside = f"BottleneckResNetBlock_{number}"
        for layer in range(3):
            yield f"{inside}/Conv_{layer}", Source((f"{block}.conv{layer + 1}",))
            yield f"{inside}/BatchNorm_{layer}", Source((f"{block}.bn{layer + 1}",))
        yield f"{inside}/Conv_proj", Source((f"{block}.downsample.conv",))
        yield f"{inside}/BatchNorm_proj", Source((f"{block}.downsample.bn",))
    yield "Dense_0", Source(("fc",))


def _imagenet_vit(shapes: Shapes) -> Pairs:
    for name in ("conv_patch_extract", "pre_logits", "head"):
        yield name, Source((name,))
    yield "Transformer/encoder_layernorm", Source(("encoder.encoder_norm",))
    for number in range(_count(shapes, "encoder.net.")):
        jax, torch = f"Transformer/encoderblock_{number}", f"encoder.net.{number}"
        for norm in (0, 2):
            yield f"{jax}/LayerNorm_{norm}", Source((f"{torch}.layer_norm{norm}",))
        for part in ("query", "key", "value", "out"):
            yield f"{jax}/MultiHeadDotProductAttention_1/{part}", Source((f"{torch}.self_attention1.{part}",))
        yield from _mlp(shapes, f"{jax}/MlpBlock_3", f"{torch}.mlp3", "glu_linear")
    yield "MAPHead_0/probe", Source(("map.probe",))
    yield "MAPHead_0/LayerNorm_0", Source(("map.layer_norm",))
    yield from _attention("MAPHead_0/MultiHeadDotProductAttention_0", "map.mha", "kv_proj")
    yield from _mlp(shapes, "MAPHead_0/MlpBlock_0", "map.mlp", "glu_linear")


def _librispeech_conformer(shapes: Shapes) -> Pairs:
    yield from _subsample("linear")
    yield from (("Dense_0", Source(("lin",))), ("LayerNorm_0", Source(("ln",))))
    for number in range(_count(shapes, "conformers.")):
        jax, torch = f"ConformerBlock_{number}", f"conformers.{number}"
        for half in (0, 1):
            yield f"{jax}/FeedForwardModule_{half}/LayerNorm_0", Source((f"{torch}.ff{half + 1}.ln",))
            for layer in (0, 1):
                dense = f"{torch}.ff{half + 1}.linear{layer + 1}"
                yield f"{jax}/FeedForwardModule_{half}/Dense_{layer}", Source((dense,))
        inside, attention = f"{jax}/MultiHeadedSelfAttention_0", f"{torch}.mhsa.self_attention"
        yield f"{inside}/LayerNorm_0", Source((f"{torch}.mhsa.ln",))
        yield from _attention(f"{inside}/MultiHeadDotProductAttention_0", attention, "in_proj")
        yield f"{inside}/MultiHeadDotProductAttention_0/QueryScaler_0", Source((f"{attention}.qs",))
        inside, convolution = f"{jax}/ConvolutionBlock_0", f"{torch}.conv"
        for name, own in (("LayerNorm_0", "ln"), ("Conv_0", "conv1"), ("BatchNorm_0", "bn")):
            yield f"{inside}/{name}", Source((f"{convolution}.{own}",))
        for layer in range(3):
            yield f"{inside}/Dense_{layer}", Source((f"{convolution}.lin{layer + 1}",))
        yield f"{jax}/LayerNorm_0", Source((f"{torch}.ln",))


def _librispeech_deepspeech(shapes: Shapes) -> Pairs:
    yield from _subsample("lin")
    yield from (("Dense_0", Source(("lin",))), ("LayerNorm_0", Source(("ln",))))
    for jax, torch in (("BatchRNN", "lstms"), ("FeedForwardModule", "ffns")):
        for number in range(_count(shapes, f"{torch}.")):
            yield f"{jax}_{number}/BatchNorm_0", Source((f"{torch}.{number}.bn_normalization_layer",))
            yield f"{jax}_{number}/LayerNorm_0", Source((f"{torch}.{number}.normalization_layer",))
            yield f"{jax}_{number}/Dense_0", Source((f"{torch}.{number}.lin",))
            if torch == "lstms":
                yield from _lstm(f"{jax}_{number}/LSTM_0/LSTM/LSTMSequenceEncoder", f"{torch}.{number}.lstm")


def _ogbg(shapes: Shapes) -> Pairs:
    yield "node_embedding", Source(("node_embedder",))
    yield "edge_embedding", Source(("edge_embedder",))
    inside = [name for name in _modules(shapes, rank=2) if name.startswith("graph_network")]
    order = ("update_edge_fn", "update_node_fn", "update_global_fn")
    inside.sort(key=lambda name: (int(name.split(".")[1]), order.index(name.split(".")[2])))
    yield from _numbered("Dense", [*inside, "decoder"])
    yield from _numbered("LayerNorm", [name.replace("dense_", "norm_") for name in inside])


def _wmt(shapes: Shapes) -> Pairs:
    yield "shared_embedding", Source(("shared_embedding",))
    for side, prefix in (("encoder", "encoder"), ("decoder", "encoderdecoder")):
        yield f"{side}/{prefix}_layernorm", Source((f"{side}.{side}.norm",))
        for number in range(_count(shapes, f"{side}.{side}.layers.")):
            jax, torch = f"{side}/{prefix}block_{number}", f"{side}.{side}.layers.{number}"
            yield from _attention(f"{jax}/MultiHeadDotProductAttention_0", f"{torch}.self_attn", "in_proj")
            yield from _attention(f"{jax}/MultiHeadDotProductAttention_1", f"{torch}.multihead_attn", "kv_proj")
            yield from _mlp(shapes, f"{jax}/MlpBlock_0", torch, "linear_glu")
            for norm in range(3):
                yield f"{jax}/LayerNorm_{norm}", Source((f"{torch}.norm{norm + 1}",))


TABLES: Mapping[str, Callable[[Shapes], Pairs]] = {
    "criteo1tb": _criteo1tb,
    "fastmri": _fastmri,
    "imagenet_resnet": _imagenet_resnet,
    "imagenet_vit": _imagenet_vit,
    "librispeech_conformer": _librispeech_conformer,
    "librispeech_deepspeech": _librispeech_deepspeech,
    "ogbg": _ogbg,
    "wmt": _wmt,
}


def _attention(jax: str, torch: str, fused: str) -> Pairs:
    """Projections of which PyTorch keeps three (`in_proj`) or two (`kv_proj`) in one matrix."""
    parts = ("query", "key", "value") if fused == "in_proj" else ("key", "value")
    if fused == "kv_proj":
        yield f"{jax}/query", Source((f"{torch}.q_proj",))
    for index, part in enumerate(parts):
        yield f"{jax}/{part}", Source((f"{torch}.{fused}",), part=(index, len(parts)))
    yield f"{jax}/out", Source((f"{torch}.out_proj",))


def _mlp(shapes: Shapes, jax: str, torch: str, gate: str) -> Pairs:
    """Two layers, with a gate between them where the model has one."""
    names = ["linear1", "linear2"]
    if f"{torch}.{gate}.weight" in shapes:
        names.insert(1, gate)
    yield from _numbered(f"{jax}/Dense", [f"{torch}.{name}" for name in names])


def _subsample(dense: str) -> Pairs:
    for number in (0, 1):
        yield f"Subsample_0/Conv2dSubsampling_{number}", Source((f"subsample.conv{number + 1}",))
    yield "Subsample_0/Dense_0", Source((f"subsample.{dense}",))


def _lstm(jax: str, torch: str) -> Pairs:
    """Both directions. PyTorch stacks the gates and keeps two biases, of which only the sum matters."""
    for direction, suffix in enumerate(("", "_reverse")):
        for index, gate in enumerate("ifgo"):
            cell, part = f"{jax}_{direction}/cell", (index, 4)
            yield f"{cell}/i{gate}/kernel", Source((f"{torch}.weight_ih_l0{suffix}",), part=part)
            yield f"{cell}/h{gate}/kernel", Source((f"{torch}.weight_hh_l0{suffix}",), part=part)
            biases = (f"{torch}.bias_ih_l0{suffix}", f"{torch}.bias_hh_l0{suffix}")
            yield f"{cell}/h{gate}/bias", Source(biases, part=part, join="sum")


def _numbered(jax: str, modules: Sequence[str]) -> Pairs:
    for number, module in enumerate(modules):
        yield f"{jax}_{number}", Source((module,))


def _modules(shapes: Shapes, *, rank: int) -> list[str]:
    """Modules whose weight has that many axes, in order."""
    return [
        name.removesuffix(".weight")
        for name, shape in shapes.items()
        if name.endswith(".weight") and len(shape) == rank
    ]


def _count(shapes: Shapes, prefix: str) -> int:
    """How many numbered modules `<prefix>0`, `<prefix>1`, ... there are."""
    return len({name.removeprefix(prefix).partition(".")[0] for name in shapes if name.startswith(prefix)})
