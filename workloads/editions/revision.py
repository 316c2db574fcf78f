"""The identity of an edition's numbers: results of different revisions never share a board."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from workloads.spec import Workload


def revision(manifest: Mapping[str, Any], workloads: Iterable[Workload]) -> str:
    """Twelve hex digits of a hash of the data manifest and of every workload's metric and targets."""
    targets = {
        workload.name: [workload.metric.name, workload.target.validation, workload.target.test]
        for workload in workloads
    }
    document = json.dumps({"manifest": manifest, "targets": targets}, sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:12]
