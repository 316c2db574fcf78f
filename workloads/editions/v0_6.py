"""The rolling leaderboard since 2025: the eight base workloads at full size, three studies, no held-out variants.

Its numbers are those of the workloads' own files. Source: AlgoPerf rules, benchmark version 0.6.
"""

from __future__ import annotations

from workloads.criteo1tb.spec import CRITEO1TB
from workloads.editions.revision import revision
from workloads.fastmri.spec import FASTMRI
from workloads.imagenet_resnet.spec import IMAGENET_RESNET
from workloads.imagenet_vit.spec import IMAGENET_VIT
from workloads.librispeech_conformer.spec import LIBRISPEECH_CONFORMER
from workloads.librispeech_deepspeech.spec import LIBRISPEECH_DEEPSPEECH
from workloads.ogbg.spec import OGBG
from workloads.spec import Edition, Ruleset, Split
from workloads.wmt.spec import WMT

WORKLOADS = (
    CRITEO1TB,
    FASTMRI,
    IMAGENET_RESNET,
    IMAGENET_VIT,
    LIBRISPEECH_CONFORMER,
    LIBRISPEECH_DEEPSPEECH,
    OGBG,
    WMT,
)

EDITION = Edition(
    name="v0.6",
    revision=revision({}, WORKLOADS),  # the data is that of the public sources; its hashes are not published
    title="Rolling leaderboard: eight GPUs",
    hardware_class="gpu8",
    workloads=WORKLOADS,
    studies={Ruleset.EXTERNAL: 3, Ruleset.SELF_TUNING: 3},
    trials={Ruleset.EXTERNAL: 5, Ruleset.SELF_TUNING: 1},
    budget_factor={Ruleset.EXTERNAL: 1.0, Ruleset.SELF_TUNING: 1.5},
    rules="published",
    stop_at=(Split.VALIDATION, Split.TEST),
    test_always_judged=True,
    publication="operators",
)
