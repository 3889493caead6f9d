"""Wire-format schemas from a folder or a registry."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from skyvet.core.errors import InvalidInputError, PacketError
from skyvet.io.alerts import read_alerts
from skyvet.io.schemas import SchemaFolder, SchemaRegistry, schema_source
from skyvet.io.surveys.lsst_packets import encode_lsst_message
from skyvet.io.surveys.lsst_schema import lsst_alert_schema
from skyvet.records.candidate import Candidate
from skyvet.records.rejections import Rejection, RejectionReason

ANSWERS: dict[str, tuple[int, str]] = {
    "/schemas/ids/900": (200, json.dumps({"schema": json.dumps(lsst_alert_schema())})),
    "/schemas/ids/1": (500, "broken"),
    "/schemas/ids/2": (200, "<html>Please log in</html>"),
    "/schemas/ids/3": (200, json.dumps({"schema": 5})),
    "/schemas/ids/4": (200, json.dumps({"schema": "{]"})),
    "/schemas/ids/5": (200, json.dumps(["schema"])),
}


class Registry:
    """A local schema registry that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                status, body = ANSWERS.get(self.path, (404, '{"error_code": 40403}'))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def registry() -> Iterator[Registry]:
    local = Registry()
    thread = threading.Thread(target=local.server.serve_forever, args=(0.01,))
    thread.start()
    yield local
    local.server.shutdown()
    local.server.server_close()
    thread.join()


@pytest.fixture
def message(tmp_path: Path) -> Path:
    candidate = Candidate(
        survey="lsst", candidate_id=7, object_id=8, mjd_tai=61_000.0, flux_njy=9.0, flux_err_njy=1.0
    )
    path = tmp_path / "message.avro"
    path.write_bytes(encode_lsst_message(candidate))
    return path


def write_schema(folder: Path, version: str) -> None:
    path = folder / f"v{version}" / f"lsst.v{version}.alert.avsc"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(lsst_alert_schema()))


def test_folders_name_ids_by_version(tmp_path: Path) -> None:
    write_schema(tmp_path, "9_0")
    write_schema(tmp_path, "10_2")
    folder = SchemaFolder(tmp_path)
    assert folder.schema(900).name == folder.schema(1002).name == "lsst.v9_0.alert"
    assert folder.schema(900) is folder.schema(900)
    with pytest.raises(PacketError, match=r"no schema 1000: .*known ids: 900, 1002"):
        folder.schema(1000)


def test_folders_without_schemas_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="holds no file named like"):
        SchemaFolder(tmp_path)
    with pytest.raises(InvalidInputError, match="does not exist"):
        schema_source(tmp_path / "absent")


def test_damaged_schema_files_are_packet_errors(tmp_path: Path) -> None:
    write_schema(tmp_path, "9_0")
    (tmp_path / "v9_0" / "lsst.v9_0.alert.avsc").write_text("{")
    with pytest.raises(PacketError, match="unusable Avro schema"):
        SchemaFolder(tmp_path).schema(900)


@pytest.mark.parametrize(("version", "schema_id"), [("7_4", 704), ("10_0", 1000), ("11_0", 1100)])
def test_published_schemas_are_lsst_alerts(shared_data: Path, version: str, schema_id: int) -> None:
    schema = SchemaFolder(shared_data / "lsst_schemas").schema(schema_id)
    assert schema.name == f"lsst.v{version}.alert"
    assert "diaSource.diaSourceId" in schema.field_names


def test_a_real_message_is_read_with_the_published_schema(shared_data: Path) -> None:
    path = shared_data / "lsst_alerts" / "wire_format_v9_7912941781254298.avro"
    (reading,) = read_alerts([path], schemas=schema_source(shared_data / "lsst_schemas"))
    assert isinstance(reading.item, Candidate)
    assert reading.item.candidate_id == 7912941781254298
    assert reading.item.band == "r"
    assert reading.item.survey_score == pytest.approx(0.112, abs=5e-4)  # given to 3 digits
    assert reading.item.snr == pytest.approx(5.05, abs=5e-3)


def test_a_message_without_schemas_is_rejected_with_advice(message: Path) -> None:
    (reading,) = read_alerts([message])
    assert isinstance(reading.item, Rejection)
    assert reading.item.reason == RejectionReason.UNKNOWN_SCHEMA
    assert "schema 900" in reading.item.detail
    assert "registry" in reading.item.detail


def test_a_registry_is_asked_once_for_each_id(registry: Registry, message: Path) -> None:
    readings = list(read_alerts([message] * 3, schemas=schema_source(registry.url)))
    assert all(isinstance(reading.item, Candidate) for reading in readings)
    assert registry.asked == ["/schemas/ids/900"]


@pytest.mark.parametrize(
    ("schema_id", "problem"),
    [
        (404, "answered 404"),
        (1, "answered 500"),
        (2, "did not answer with a schema"),
        (3, "did not answer with a schema"),
        (4, "unusable Avro schema"),
        (5, "did not answer with a schema"),
    ],
)
def test_bad_answers_are_named_and_not_asked_for_again(
    registry: Registry, schema_id: int, problem: str
) -> None:
    source = SchemaRegistry(registry.url)
    for _ in range(3):
        with pytest.raises(PacketError, match=problem) as caught:
            source.schema(schema_id)
        assert caught.value.reason == RejectionReason.UNKNOWN_SCHEMA
    assert len(registry.asked) == 1


def test_failed_ids_are_tried_again_after_a_while(registry: Registry) -> None:
    source = SchemaRegistry(registry.url, retry_s=0.0)
    for _ in range(2):
        with pytest.raises(PacketError):
            source.schema(1)
    assert len(registry.asked) == 2


def test_known_ids_are_named(registry: Registry) -> None:
    source = SchemaRegistry(registry.url + "/")
    source.schema(900)
    with pytest.raises(PacketError, match=r"no schema 77: .*known ids: 900"):
        source.schema(77)


def test_a_silent_address_is_a_packet_error() -> None:
    # Port 9 (discard) is closed on any machine that serves nothing there.
    with pytest.raises(PacketError, match="cannot be reached"):
        SchemaRegistry("http://127.0.0.1:9", timeout_s=2.0).schema(900)


def test_only_http_addresses_are_taken() -> None:
    with pytest.raises(InvalidInputError, match="http"):
        SchemaRegistry("file:///etc")
