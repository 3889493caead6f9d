"""Files, folders, patterns, archives and standard input."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.io.inputs import check_output_apart, fingerprint_inputs, iter_payloads


def write_tar(path: Path, members: dict[str, bytes], *, mode: str = "w") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tar_bytes(members, mode=mode))


def tar_bytes(members: dict[str, bytes], *, mode: str = "w") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def contents(
    inputs: list[Path | str], *, start_file: int = 0, stdin: bytes = b""
) -> list[tuple[str, int, bytes | str]]:
    found: list[tuple[str, int, bytes | str]] = []
    for payload in iter_payloads(inputs, start_file=start_file, stdin=io.BytesIO(stdin)):
        data = payload.error if payload.stream is None else payload.stream.read()
        found.append((payload.source, payload.i_file, data))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    night = tmp_path / "night"
    (night / "sub").mkdir(parents=True)
    (night / ".hidden").mkdir()
    (night / "b.avro").write_bytes(b"b")
    (night / "a.avro").write_bytes(b"a")
    (night / "sub" / "c.avro").write_bytes(b"c")
    (night / "._a.avro").write_bytes(b"resource fork")
    (night / ".hidden" / "d.avro").write_bytes(b"d")
    (night / "readme.txt").write_bytes(b"text")
    write_tar(night / "c.tar.gz", {"x/e.avro": b"e", "x/notes.txt": b"n", "x/._e.avro": b"r"},
              mode="w:gz")  # fmt: skip
    return night


def test_folders_are_read_sorted_and_recursively(folder: Path) -> None:
    assert contents([folder]) == [
        (f"{folder}/a.avro", 0, b"a"),
        (f"{folder}/b.avro", 1, b"b"),
        (f"{folder}/c.tar.gz/x/e.avro", 2, b"e"),
        (f"{folder}/sub/c.avro", 3, b"c"),
    ]


def test_reading_can_start_at_any_file(folder: Path) -> None:
    everything = contents([folder])
    for start_file in range(len(everything) + 1):
        assert contents([folder], start_file=start_file) == everything[start_file:]


def test_patterns_are_sorted(folder: Path) -> None:
    found = contents([str(folder / "*.avro")])
    assert [data for _, _, data in found] == [b"a", b"b"]
    nested = contents([str(folder / "**" / "*.avro")])
    assert [data for _, _, data in nested] == [b"a", b"b", b"c"]


def test_named_files_are_read_whatever_their_name(folder: Path) -> None:
    assert contents([folder / "readme.txt"])[0][2] == b"text"


def test_inputs_keep_their_order(folder: Path) -> None:
    found = contents([folder / "b.avro", folder / "a.avro"])
    assert [(i_file, data) for _, i_file, data in found] == [(0, b"b"), (1, b"a")]


@pytest.mark.parametrize(("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz")])
def test_archives_are_streamed(tmp_path: Path, suffix: str, mode: str) -> None:
    path = tmp_path / f"night{suffix}"
    write_tar(path, {"b.avro": b"b", "a.avro": b"a"}, mode=mode)
    assert contents([path]) == [(f"{path}/b.avro", 0, b"b"), (f"{path}/a.avro", 1, b"a")]


def test_an_empty_archive_is_an_empty_night(tmp_path: Path) -> None:
    write_tar(tmp_path / "night.tar.gz", {}, mode="w:gz")
    assert contents([tmp_path / "night.tar.gz"]) == []


def test_a_cut_archive_keeps_what_came_before(tmp_path: Path) -> None:
    whole = tar_bytes({"a.avro": b"a" * 5000, "b.avro": b"b" * 50_000}, mode="w:gz")
    path = tmp_path / "night.tar.gz"
    path.write_bytes(whole[: len(whole) - 60])
    readings = [(payload.source, bool(payload.error)) for payload in iter_payloads([path])]
    assert readings[0] == (f"{path}/a.avro", False)
    assert readings[-1] == (str(path), True)


def test_what_is_no_archive_is_one_unreadable_payload(tmp_path: Path) -> None:
    path = tmp_path / "night.tar"
    path.write_bytes(b"no archive")
    ((source, _, error),) = contents([path])
    assert source == str(path)
    assert error


def test_files_that_cannot_be_opened_are_unreadable_payloads(tmp_path: Path) -> None:
    (tmp_path / "a.avro").symlink_to(tmp_path / "absent.avro")
    (tmp_path / "b.avro").write_bytes(b"b")
    first, second = contents([tmp_path])
    assert "No such file" in str(first[2])
    assert second[2] == b"b"


@pytest.mark.parametrize("packet", [b"Obj\x01rest", b"\x00\x00\x00\x03\x84rest"])
def test_standard_input_may_be_one_packet(packet: bytes) -> None:
    assert contents(["-"], stdin=packet) == [("<stdin>", 0, packet)]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_standard_input_may_be_an_archive(mode: str) -> None:
    data = tar_bytes({"a.avro": b"a"}, mode=mode)
    assert contents(["-"], stdin=data) == [("<stdin>/a.avro", 0, b"a")]


@pytest.mark.parametrize("noise", [b"", b"hello", gzip.compress(b"hello", mtime=0)])
def test_other_standard_input_is_unreadable(noise: bytes) -> None:
    ((source, _, error),) = contents(["-"], stdin=noise)
    assert source == "<stdin>"
    assert error


def test_missing_input_raises_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no input given"):
        iter_payloads([])
    with pytest.raises(InvalidInputError, match="does not exist"):
        iter_payloads([tmp_path / "absent"])
    with pytest.raises(InvalidInputError, match="no file matches"):
        iter_payloads([str(tmp_path / "*.avro")])
    with pytest.raises(InvalidInputError, match=r"no \.avro file or tar archive"):
        iter_payloads([tmp_path])


def test_a_damaged_header_in_an_archive_is_told(tmp_path):
    import io as bytes_io
    import tarfile

    path = tmp_path / "night.tar"
    with tarfile.open(path, "w") as archive:
        for i in range(4):
            member = tarfile.TarInfo(f"{i}.avro")
            member.size = 600
            archive.addfile(member, bytes_io.BytesIO(b"x" * 600))
    content = bytearray(path.read_bytes())
    second = content.index(b"1.avro")
    content[second + 150] ^= 0xFF
    path.write_bytes(bytes(content))
    payloads = [(p.source.rsplit("/", 1)[-1], bool(p.error)) for p in iter_payloads([path])]
    assert payloads == [("0.avro", False), ("night.tar", True)]


def test_a_pipe_is_refused_without_waiting(tmp_path):
    import os

    pipe = tmp_path / "pipe.avro"
    os.mkfifo(pipe)
    (payload,) = iter_payloads([pipe])
    assert "regular file" in payload.error


def test_a_name_of_odd_bytes_can_be_written(tmp_path):
    import os

    name = os.fsdecode(os.fsencode(tmp_path) + b"/latin\xe9.avro")
    Path(name).write_bytes(b"x")
    (payload,) = iter_payloads([tmp_path])
    payload.source.encode("utf-8")


def test_a_fingerprint_follows_the_files(tmp_path):
    (tmp_path / "a.avro").write_bytes(b"x")
    first = fingerprint_inputs([tmp_path])
    assert fingerprint_inputs([tmp_path]) == first
    (tmp_path / "b.avro").write_bytes(b"x")
    assert fingerprint_inputs([tmp_path]) != first


def test_an_output_among_the_inputs_is_refused(tmp_path):
    packet = tmp_path / "a.avro"
    packet.write_bytes(b"x")
    with pytest.raises(InvalidInputError, match="is an input"):
        check_output_apart([tmp_path / "." / "a.avro"], packet)


@pytest.mark.parametrize(
    "out", ["in", "in/scores.parquet", "in/deep/er", "link/scores.parquet", "."]
)
def test_an_output_inside_or_around_an_input_folder_is_refused(tmp_path, out):
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(InvalidInputError, match="input"):
        check_output_apart([tmp_path / "in"], tmp_path / out)


def test_an_output_in_a_folder_that_a_pattern_matches_is_refused(tmp_path):
    (tmp_path / "night-1").mkdir()
    with pytest.raises(InvalidInputError, match="input"):
        check_output_apart([str(tmp_path / "night-*")], tmp_path / "night-1" / "scores.parquet")


@pytest.mark.parametrize("out", ["model", "model/bundle.json", "."])
def test_an_output_inside_or_around_a_saved_model_is_refused(tmp_path, out):
    (tmp_path / "model").mkdir()
    with pytest.raises(InvalidInputError, match="model"):
        check_output_apart(["-"], tmp_path / out, models=[tmp_path / "model"])


def test_an_output_beside_the_inputs_is_let_through(tmp_path):
    for folder in ("in", "model"):
        (tmp_path / folder).mkdir()
    (tmp_path / "a.avro").write_bytes(b"x")
    inputs = ["-", "no-such-file", tmp_path / "in", tmp_path / "a.avro", str(tmp_path / "*.avro")]
    for out in ("in.parquet", "input/scores.parquet", "a.parquet", "models"):
        check_output_apart(inputs, tmp_path / out, models=[tmp_path / "model"])
