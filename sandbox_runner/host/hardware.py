"""Hardware classes: every number a container is given, as constants. None comes from a database row or a request."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox_runner.errors import HostFailure

GIB = 1024**3
MIB = 1024**2


@dataclass(frozen=True, kw_only=True)
class ContainerLimits:
    """What one container of a trial may use."""

    cpuset: str
    memory_bytes: int  # swap is off: the same number limits both
    shm_bytes: int
    tmpfs_bytes: int  # each of /tmp and /scratch; pages count in memory_bytes
    tmpfs_inodes: int
    pids: int
    cpu_shares: int
    file_bytes: int
    open_files: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HardwareClass:
    """One kind of host. Results of different classes never share a board."""

    name: str
    trainer: ContainerLimits
    judge: ContainerLimits
    probe: ContainerLimits
    setup_s: float  # deadline for imports, data and model, before any submission byte
    judge_s: float  # deadline for one evaluation
    hang_s: float  # silence after which a run that used its whole budget is called hung
    preflight: tuple[str, ...] = field(default=())


_CPU2 = ContainerLimits(
    cpuset="0-1",
    memory_bytes=6 * GIB,
    shm_bytes=1 * GIB,
    tmpfs_bytes=512 * MIB,
    tmpfs_inodes=50_000,
    pids=512,
    cpu_shares=512,  # half of the default: supervisor and engine come first
    file_bytes=2 * GIB,
    open_files=4096,
)
_GPU8 = ContainerLimits(
    cpuset="",  # all but two, set by the host's own configuration
    memory_bytes=200 * GIB,
    shm_bytes=32 * GIB,
    tmpfs_bytes=16 * GIB,
    tmpfs_inodes=200_000,
    pids=4096,
    cpu_shares=512,
    file_bytes=64 * GIB,
    open_files=65_536,
    gpus=tuple(str(index) for index in range(8)),
)

_PROBE_CPU2 = ContainerLimits(
    cpuset="0-1",
    memory_bytes=2 * GIB,
    shm_bytes=64 * MIB,
    tmpfs_bytes=64 * MIB,
    tmpfs_inodes=5_000,
    pids=256,
    cpu_shares=512,
    file_bytes=64 * MIB,
    open_files=1024,
)

HARDWARE_CLASSES = {
    "cpu2": HardwareClass(
        name="cpu2",
        trainer=_CPU2,
        judge=_CPU2,
        probe=_PROBE_CPU2,
        setup_s=180,
        judge_s=120,
        hang_s=20,
        preflight=("freezer", "seccomp", "images"),
    ),
    "gpu8": HardwareClass(
        name="gpu8",
        trainer=_GPU8,
        judge=_GPU8,
        probe=_PROBE_CPU2,
        setup_s=1800,
        judge_s=3600,
        hang_s=1800,
        preflight=("freezer", "seccomp", "images", "runtimes", "gpus"),
    ),
}


def hardware_class(name: str) -> HardwareClass:
    """Raises HostFailure for a class that this release does not know."""
    try:
        return HARDWARE_CLASSES[name]
    except KeyError:
        raise HostFailure(
            f"hardware class {name!r} is unknown; this host runs {', '.join(sorted(HARDWARE_CLASSES))}"
        ) from None
