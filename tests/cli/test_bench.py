"""The measurement for users."""


def test_disk_and_engine_are_measured_and_nothing_is_left(local, tmp_path):
    rows = local.json("bench", "--folder", tmp_path, "--tasks", "200")

    assert [(row["what"], row["callers"]) for row in rows] == [
        ("4 KiB append + fdatasync", 1),
        *((what, callers) for callers in (1, 64) for what in ("put", "claim", "complete")),
    ]
    assert all(row["per_second"] > 0 for row in rows)
    assert list(tmp_path.iterdir()) == []
    assert "WHAT" in local("bench", "--folder", tmp_path, "--tasks", "100")
