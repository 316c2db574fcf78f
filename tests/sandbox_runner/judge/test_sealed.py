"""The judge reads only what nobody can change any more."""

from __future__ import annotations

import fcntl
import os

import pytest

from sandbox_runner.host.snapshot import Snapshot
from sandbox_runner.judge.errors import NotSealed
from sandbox_runner.judge.sealed import sealed_bytes


def test_sealed_bytes_are_read_and_the_descriptor_is_closed():
    with Snapshot(4) as snapshot:
        os.pwrite(snapshot.fd, b"abcd", 0)
        snapshot.seal()
        fd = os.dup(snapshot.fd)
        content = sealed_bytes(fd, 4)
        assert bytes(content) == b"abcd"
        assert content.readonly
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_a_model_without_arrays_is_an_empty_snapshot():
    with Snapshot(0) as snapshot:
        snapshot.seal()
        assert bytes(sealed_bytes(os.dup(snapshot.fd), 0)) == b""


@pytest.mark.parametrize("seals", [0, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK, fcntl.F_SEAL_WRITE])
def test_a_missing_seal_is_refused(seals: int):
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.truncate(fd, 4)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    with pytest.raises(NotSealed, match="not sealed"):
        sealed_bytes(fd, 4)


@pytest.mark.parametrize("seal", [0x10, 0x20], ids=["future_write", "exec"])
def test_a_seal_more_that_a_trainer_has_added_does_not_stop_the_judge(seal: int):
    with Snapshot(4) as snapshot:
        os.pwrite(snapshot.fd, b"abcd", 0)
        try:
            fcntl.fcntl(snapshot.fd, fcntl.F_ADD_SEALS, seal)
        except OSError:
            pytest.skip("this kernel does not know that seal")
        snapshot.seal()
        assert bytes(sealed_bytes(os.dup(snapshot.fd), 4)) == b"abcd"


def test_another_size_is_refused():
    with Snapshot(4) as snapshot:
        snapshot.seal()
        with pytest.raises(NotSealed, match="4 bytes, the model has 8"):
            sealed_bytes(os.dup(snapshot.fd), 8)
