"""Tenants from the shell."""


def test_switches_of_a_tenant_are_set_and_shown(shell):
    shell("tenant", "set", "bella", "--partial-validation", "on", "--bella-batch-times", "ms")
    shell("tenant", "set", "bella", "--partial-validation", "off")

    shown = shell.json("tenant", "show", "bella")

    assert (shown["partial_validation"], shown["bella_batch_times"]) == (False, "ms")
    assert shown in shell.json("tenant", "list")
    assert "bella" in shell("tenant", "list")


def test_nothing_to_set_is_a_misuse(shell):
    shell("tenant", "set", "bella", status=2)
