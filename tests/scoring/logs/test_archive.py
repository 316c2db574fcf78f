"""Archives of logs: what an honest one says, and what a dishonest one does not do."""

import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.errors import InvalidLogs
from scoring.logs import archive, layout, open_logs
from tests.scoring.logs.made_up import HEADER, pack, read, trial_folder, write_original

TABLE = f"{HEADER}\n10.0,1,0.5\n".encode()
PLACE = "external_tuning/amos/study_0/fastmri_jax/trial_1"


def write_archive(path, members, form=tarfile.PAX_FORMAT):
    """An archive with these members, (name or header, content)."""
    with tarfile.open(path, "w:gz", format=form) as packed:
        for member, content in members:
            header = tarfile.TarInfo(member) if isinstance(member, str) else member
            header.size = len(content)
            packed.addfile(header, io.BytesIO(content))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "logs.tar.gz"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_of_tar_is_read(path, form):
    write_archive(path, [(f"logs/{PLACE}/eval_measurements.csv", TABLE)], form)
    assert read(path)["amos"].num_evaluations == 1


def test_an_archive_without_compression_is_read(tmp_path):
    packed = pack(write_original(tmp_path / "logs"), tmp_path / "logs.tar.gz")
    plain = tmp_path / "logs.tar"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    assert list(read(plain)) == ["amos", "lawa"]


@given(st.permutations(["amos", "lawa", "nadamp"]), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(tmp_path_factory, names, random):
    members = [
        (f"external_tuning/{name}/study_{study}/fastmri_jax/trial_1/eval_measurements.csv", TABLE)
        for name in names
        for study in (0, 1)
    ]
    random.shuffle(members)
    submissions = read(write_archive(tmp_path_factory.mktemp("archive") / "logs.tar.gz", members))
    assert list(submissions) == ["amos", "lawa", "nadamp"]
    assert [trial.study for trial in submissions["lawa"].trials] == [0, 1]


def test_a_path_that_is_there_twice_counts_as_written_last(path):
    later = TABLE + b"20.0,2,0.75\n"
    write_archive(path, [(f"{PLACE}/eval_measurements.csv", content) for content in (TABLE, later)])
    assert read(path)["amos"].num_evaluations == 2


@pytest.mark.parametrize("prefix", ["../../", "/", "./", "logs/../"])
def test_names_that_point_elsewhere_stay_names(path, prefix):
    write_archive(path, [(f"{prefix}{PLACE}/eval_measurements.csv", TABLE)])
    before = set(path.parent.iterdir())
    assert read(path)["amos"].num_evaluations == 1
    assert set(path.parent.iterdir()) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_no_logs(path, kind):
    link = tarfile.TarInfo(f"{PLACE}/eval_measurements.csv")
    link.type, link.linkname = kind, "/etc/passwd"
    write_archive(path, [(f"{PLACE}/hparams.json", b"{}"), (link, b"")])
    (trial,) = read(path)["amos"].trials
    assert trial.evaluations.is_empty


def test_a_header_that_wants_much_memory_is_refused(path):
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE
    write_archive(path, [(header, b"0" * 1_000_000)])
    with pytest.raises(InvalidLogs, match="a header of the archive has"):
        read(path)


def test_an_archive_that_grows_without_end_is_refused(path, monkeypatch):
    path.write_bytes(gzip.compress(bytes(3 * 2**20)))
    monkeypatch.setattr(archive, "MAX_BYTES", 2 * 2**20)
    with pytest.raises(InvalidLogs, match="once decompressed"):
        read(path)


def test_an_archive_with_members_without_end_is_refused(path, monkeypatch):
    write_archive(path, [(f"{PLACE}/{number}", b"") for number in range(5)])
    monkeypatch.setattr(archive, "MAX_MEMBERS", 4)
    with pytest.raises(InvalidLogs, match="more than 4 members"):
        read(path)


def test_a_path_without_end_is_no_log(path):
    write_archive(path, [("a/" * 1_000 + f"{PLACE}/eval_measurements.csv", TABLE)])
    with pytest.raises(InvalidLogs, match="holds no logs of"):
        read(path)


def test_a_member_that_is_too_large_is_not_read(path, monkeypatch):
    write_archive(path, [(f"{PLACE}/eval_measurements.csv", TABLE), (f"{PLACE}/hparams.json", b"{}" + b" " * 100)])
    monkeypatch.setattr(layout, "MAX_JSON_BYTES", 50)
    assert "hparams.json has 102 bytes" in read(path)["amos"].problems[0]


@pytest.mark.parametrize("cut", [0.5, 0.95])
def test_a_damaged_archive_is_a_clear_error(tmp_path, cut):
    packed = pack(write_original(tmp_path / "logs"), tmp_path / "logs.tar.gz").read_bytes()
    damaged = tmp_path / "damaged.tar.gz"
    damaged.write_bytes(packed[: int(len(packed) * cut)])
    with pytest.raises(InvalidLogs, match=r"damaged.tar.gz is not a readable .tar.gz"):
        read(damaged)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b", b"PK\x03\x04" * 300])
def test_something_else_is_a_clear_error(path, content):
    path.write_bytes(content)
    with pytest.raises(InvalidLogs, match="not a readable"):
        read(path)


def test_an_archive_without_logs_is_a_clear_error(path):
    write_archive(path, [("README.md", b"hello")])
    with pytest.raises(InvalidLogs, match="holds no logs of"):
        read(path)


def test_a_folder_and_its_archive_pass_over_the_same(tmp_path):
    logs = write_original(tmp_path / "logs")
    (trial_folder(logs).parents[1] / "trial_1").mkdir()
    (trial_folder(logs).parent / "checkpoints").mkdir()
    packed = pack(logs, tmp_path / "logs.tar.gz")
    from_folder, from_archive = (
        [(skipped.path.removeprefix("logs/"), skipped.reason) for skipped in read(path)["amos"].skipped]
        for path in (logs, packed)
    )
    assert len(from_folder) == 2
    assert sorted(from_folder) == sorted(from_archive)


def test_the_temporary_file_is_gone_after_use(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    packed = pack(write_original(tmp_path / "logs"), tmp_path / "logs.tar.gz")
    before = set(tmp_path.iterdir())
    with open_logs(packed, edition="v0.5", ruleset="external") as logs:
        assert set(tmp_path.iterdir()) == before  # it has no name
        assert len(list(logs.read())) == 2
