"""The rules about code and data, one a file, in the order they are shown."""

from __future__ import annotations

from sandbox_runner.compliance.rules import (
    available_packages,
    dynamic_code,
    embedded_data,
    environment,
    file_access,
    fingerprints,
    framework_switches,
    hidden_characters,
    input_queue,
    introspection,
    native_code,
    network,
    own_evaluation,
    patching,
    processes,
    requirements,
    workload_identity,
    workload_modules,
    workload_names,
)
from sandbox_runner.compliance.rules.base import Rule

__all__ = ["ALL", "Rule"]

ALL: tuple[Rule, ...] = (
    workload_names.RULE,
    workload_identity.RULE,
    fingerprints.RULE,
    workload_modules.RULE,
    input_queue.RULE,
    own_evaluation.RULE,
    processes.RULE,
    network.RULE,
    native_code.RULE,
    environment.RULE,
    patching.RULE,
    framework_switches.RULE,
    dynamic_code.RULE,
    introspection.RULE,
    file_access.RULE,
    embedded_data.RULE,
    hidden_characters.RULE,
    available_packages.RULE,
    requirements.RULE,
)
