"""The benchmark's workloads as words and numbers: what code would use to recognise one. Facts, no decisions.

Source: AlgoPerf protocol reference, section 1.6 (names, variants, constants of v0.5 and v0.6).
"""

from __future__ import annotations

import re

# Words that hardly mean anything else in training code. The short ones have to stand alone between other words.
_LONG_WORDS = ("conformer", "criteo", "deepspeech", "fastmri", "finewebedu", "imagenet", "librispeech")
_SHORT_WORDS = frozenset({"cifar", "mnist", "ogbg", "wmt"})
# Names that only mean a workload when they are a whole text that something is compared with.
_ALONE = frozenset({"resnet", "vit"})
BASE_NAMES = frozenset(
    {
        "criteo1tb",
        "fastmri",
        "imagenet_resnet",
        "imagenet_vit",
        "librispeech_conformer",
        "librispeech_deepspeech",
        "ogbg",
        "wmt",
        "finewebedu_lm",
        "mnist",
        "cifar",
    }
)

# Sizes, step hints, budgets and targets that are unlikely to stand in code for another reason.
NUMBERS = frozenset(
    {
        4_195_197_692, 83_274_637, 34_742, 1_281_167, 263_840, 350_343, 43_793, 5_906_184,  # examples
        10_666, 36_189, 18_094, 186_666, 195_999, 167_999, 133_333,  # step hints
        63_008, 66_159, 77_520, 69_768, 61_068, 58_015, 55_506, 44_405, 18_477, 12_011, 48_151, 43_336,  # seconds
        0.123735, 0.126041, 0.723653, 0.740633, 0.77431, 0.22569, 0.77309, 0.22691, 0.085884, 0.052981,
        0.119936, 0.074143, 0.28098, 0.268729, 30.8491, 30.7219, 22.2995,  # targets
        0.123757, 0.129657, 0.12415, 0.723559, 0.71784, 0.723284, 0.75445, 0.76765, 0.76526, 0.75738,
        0.75312, 0.77113, 0.109977, 0.09731, 0.094114, 0.150883, 0.131564, 0.14342, 0.27771, 0.282178,
        0.269446, 30.0779, 29.3379, 29.5779,  # targets of the variants
    }
)  # fmt: skip

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def words_in(text: str) -> set[str]:
    """The workload words a name or text contains: `is_ogbg`, `WmtSchedule`, `criteo1tb` -> ogbg, wmt, criteo."""
    folded = text.casefold()
    short = _SHORT_WORDS.intersection(part.casefold() for part in _PART.findall(text))
    return {word for word in _LONG_WORDS if word in folded} | short


def is_workload_name(text: str) -> bool:
    """True where a text is, as a whole, the name of a workload or of one of its variants."""
    name = text.strip().casefold()
    variants = tuple(f"{base}_" for base in BASE_NAMES)
    return name in BASE_NAMES | _SHORT_WORDS | _ALONE or name in _LONG_WORDS or name.startswith(variants)
