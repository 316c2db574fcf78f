"""Everything a trainer can do to a snapshot before and after the seal, in plain processes."""

import fcntl
import mmap
import multiprocessing
import os

import pytest

from sandbox_runner.errors import SealFailed
from sandbox_runner.host.snapshot import Snapshot, is_sealed, sealed_bytes

SIZE = 1 << 16


@pytest.fixture
def snapshot():
    with Snapshot(SIZE) as snapshot:
        yield snapshot


def test_an_honest_snapshot_is_sealed_and_readable(snapshot):
    os.pwrite(snapshot.fd, b"w" * SIZE, 0)
    snapshot.seal()

    assert is_sealed(snapshot.fd)
    assert os.pread(snapshot.fd, SIZE, 0) == b"w" * SIZE


def test_nothing_can_be_written_after_the_seal(snapshot):
    snapshot.seal()

    with pytest.raises(PermissionError):
        os.pwrite(snapshot.fd, b"late", 0)
    with pytest.raises(PermissionError):
        mmap.mmap(snapshot.fd, SIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE)


@pytest.mark.parametrize("size", [SIZE - 1, SIZE + 1, 0])
def test_the_size_is_fixed_from_the_start(snapshot, size):
    with pytest.raises(PermissionError):
        os.ftruncate(snapshot.fd, size)


def test_a_kept_writable_mapping_prevents_the_seal(snapshot):
    with (
        mmap.mmap(snapshot.fd, SIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE),
        pytest.raises(SealFailed, match="mapped"),
    ):
        snapshot.seal(deadline_s=0.05)


def test_a_mapping_dropped_in_time_does_no_harm(snapshot):
    mmap.mmap(snapshot.fd, SIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE).close()
    snapshot.seal(deadline_s=0.05)

    assert is_sealed(snapshot.fd)


def test_a_foreign_seal_is_noticed(snapshot):
    fcntl.fcntl(snapshot.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL)

    with pytest.raises(SealFailed, match="somebody else"):
        snapshot.seal()


def test_a_write_seal_alone_is_not_ours_but_harmless(snapshot):
    os.pwrite(snapshot.fd, b"early", 0)
    fcntl.fcntl(snapshot.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    snapshot.seal()

    assert os.pread(snapshot.fd, 5, 0) == b"early"


def _write_on(fd, started, stop):
    started.set()
    while not stop.is_set():
        try:
            os.pwrite(fd, b"x" * 16, 0)
        except PermissionError:
            return


def test_a_background_writer_is_cut_off_by_the_seal(snapshot):
    context = multiprocessing.get_context("fork")
    started, stop = context.Event(), context.Event()
    writer = context.Process(target=_write_on, args=(snapshot.fd, started, stop))
    writer.start()
    try:
        started.wait(10)
        snapshot.seal()
        before = snapshot.sha256()
        writer.join(10)  # its next write is refused, so it ends by itself
        assert writer.exitcode == 0
        assert snapshot.sha256() == before
    finally:
        stop.set()
        writer.join(10)


def test_punching_holes_after_the_seal_is_refused(snapshot):
    snapshot.seal()
    with pytest.raises(OSError, match=r"[Oo]perat|permitted|supported"):
        os.posix_fallocate(snapshot.fd, 0, SIZE * 2)


def test_a_snapshot_of_nothing_and_a_bundle_are_sealed_too():
    with Snapshot(0) as empty, sealed_bytes(b"submission") as bundle:
        empty.seal()
        assert is_sealed(empty.fd)
        assert is_sealed(bundle.fd)
        assert os.pread(bundle.fd, 100, 0) == b"submission"
