"""The competition of 2024: the eight base workloads at full size, five studies, six held-out variants. Closed.

Workloads and targets are those of v0.6; budgets, step hints and rules were others. Source: AlgoPerf rules, benchmark
version 0.5, and the variants that were drawn for the competition.
"""

from __future__ import annotations

import dataclasses

from workloads.criteo1tb.spec import CRITEO1TB_EMBED_INIT
from workloads.editions import v0_6
from workloads.editions.revision import revision
from workloads.fastmri.spec import FASTMRI_TANH
from workloads.imagenet_resnet.spec import IMAGENET_RESNET_LARGE_BN_INIT
from workloads.librispeech_conformer.spec import LIBRISPEECH_CONFORMER_LAYERNORM
from workloads.ogbg.spec import OGBG_MODEL_SIZE
from workloads.spec import Edition, Ruleset, Split, Workload
from workloads.wmt.spec import WMT_GLU_TANH

# By base workload: budget in seconds (external tuning) and step hint; variants have those of their base.
_BUDGETS = {
    "criteo1tb": (7_703, 10_666),
    "fastmri": (8_859, 36_189),
    "imagenet_resnet": (63_008, 186_666),
    "imagenet_vit": (77_520, 186_666),
    "librispeech_conformer": (61_068, 80_000),
    "librispeech_deepspeech": (55_506, 48_000),
    "ogbg": (18_477, 80_000),
    "wmt": (48_151, 133_333),
}


def _as_in_2024(workload: Workload) -> Workload:
    budget_s, step_hint = _BUDGETS[workload.base]
    return dataclasses.replace(workload, max_runtime_s=budget_s, step_hint=step_hint)


WORKLOADS = tuple(_as_in_2024(workload) for workload in v0_6.WORKLOADS)
HELD_OUT = tuple(
    _as_in_2024(workload)
    for workload in (
        CRITEO1TB_EMBED_INIT,
        FASTMRI_TANH,
        IMAGENET_RESNET_LARGE_BN_INIT,
        LIBRISPEECH_CONFORMER_LAYERNORM,
        OGBG_MODEL_SIZE,
        WMT_GLU_TANH,
    )
)

EDITION = Edition(
    name="v0.5",
    revision=revision({}, (*WORKLOADS, *HELD_OUT)),
    title="Competition of 2024: eight V100 GPUs",
    hardware_class="v100x8",
    workloads=WORKLOADS,
    held_out=HELD_OUT,
    studies={Ruleset.EXTERNAL: 5, Ruleset.SELF_TUNING: 5},
    trials={Ruleset.EXTERNAL: 5, Ruleset.SELF_TUNING: 1},
    budget_factor={Ruleset.EXTERNAL: 1.0, Ruleset.SELF_TUNING: 3.0},
    held_out_studies=5,
    rules="published",
    stop_at=(Split.VALIDATION, Split.TEST),
    test_always_judged=True,
    publication="operators",
    accepts_submissions=False,
)
