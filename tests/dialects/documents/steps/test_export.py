import json
import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskloom.dialects.documents.steps.export import JsonLinesExport

DAY_MS = 1_709_640_000_000  # 2024-03-05


def lines_in(export: JsonLinesExport, tenant="team", project="proj", at_ms=DAY_MS) -> list[dict]:
    return [json.loads(line) for line in export.path_of(tenant, project, at_ms).read_bytes().splitlines()]


def test_a_document_is_one_line_with_its_id_first(tmp_path):
    export = JsonLinesExport(tmp_path)

    assert export.append("team", "proj", DAY_MS, "task_1", {"fields": {"total": "1.00"}})

    assert export.path_of("team", "proj", DAY_MS).name == "2024-03-05.jsonl"
    assert lines_in(export) == [{"id": "task_1", "fields": {"total": "1.00"}}]


def test_a_repeated_export_adds_no_line(tmp_path):
    export = JsonLinesExport(tmp_path)

    told = [export.append("team", "proj", DAY_MS, "task_1", {"n": 1}) for _ in range(3)]

    assert told == [True, False, False]
    assert len(lines_in(export)) == 1


def test_a_restart_remembers_what_is_in_the_file(tmp_path):
    JsonLinesExport(tmp_path).append("team", "proj", DAY_MS, "task_1", {})

    assert not JsonLinesExport(tmp_path).append("team", "proj", DAY_MS, "task_1", {})


def test_a_line_torn_by_a_crash_is_cut_off_and_written_anew(tmp_path):
    export = JsonLinesExport(tmp_path)
    export.append("team", "proj", DAY_MS, "task_1", {})
    with export.path_of("team", "proj", DAY_MS).open("ab") as file:
        file.write(b'{"id":"task_2","fie')

    assert JsonLinesExport(tmp_path).append("team", "proj", DAY_MS, "task_2", {"whole": True})

    assert [line["id"] for line in lines_in(export)] == ["task_1", "task_2"]


def test_a_file_that_was_taken_away_begins_anew(tmp_path):
    export = JsonLinesExport(tmp_path)
    export.append("team", "proj", DAY_MS, "task_1", {})
    export.path_of("team", "proj", DAY_MS).unlink()

    assert export.append("team", "proj", DAY_MS, "task_1", {})
    assert len(lines_in(export)) == 1


def test_ids_and_values_with_quotes_and_newlines_stay_one_line(tmp_path):
    export = JsonLinesExport(tmp_path)
    record = {"text": 'a "quoted"\nline'}

    assert export.append("team", "proj", DAY_MS, 'odd"id', record)
    assert not JsonLinesExport(tmp_path).append("team", "proj", DAY_MS, 'odd"id', record)

    assert lines_in(export) == [{"id": 'odd"id', **record}]


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../../etc", "", "a\\b", "x" * 40, "ü"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    export = JsonLinesExport(tmp_path / "root")

    export.append(name, name, DAY_MS, "task_1", {})

    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 1
    assert files[0].is_relative_to(tmp_path / "root")
    assert len(files[0].relative_to(tmp_path / "root").parts) == 3


def test_many_threads_with_the_same_documents_write_each_once(tmp_path):
    exports = [JsonLinesExport(tmp_path) for _ in range(4)]
    calls = [(exports[number % 4], f"task_{number % 25}") for number in range(200)]

    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda call: call[0].append("team", "proj", DAY_MS, call[1], {}), calls))

    assert sum(told) == 25
    assert sorted(line["id"] for line in lines_in(exports[0])) == sorted({name for _, name in calls})


def _write_all(root: str) -> int:
    export = JsonLinesExport(root)
    return sum(export.append("team", "proj", DAY_MS, f"task_{number}", {}) for number in range(30))


def test_several_processes_write_each_document_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        written = processes.map(_write_all, [tmp_path] * 2)

    assert sum(written) == 30
    assert len(lines_in(JsonLinesExport(tmp_path))) == 30
