"""Launch plans: defaults may be overridden, fixed inputs are no longer inputs."""

from basics.launch_plans import hip_hip, once, rally_wf


def test_default_inputs_are_used_and_may_be_overridden() -> None:
    assert hip_hip() == "hooray hooray hooray!"
    assert hip_hip(word="hip", times=2) == "hip hip!"


def test_fixed_inputs_are_used_and_are_no_parameters() -> None:
    assert once() == "hooray."
    assert set(once.parameters.parameters) == {"word", "punctuation"}
    assert set(once.fixed_inputs.literals) == {"times"}


def test_a_workflow_may_launch_launch_plans() -> None:
    assert tuple(rally_wf()) == ("hip hip!", "hooray.")
