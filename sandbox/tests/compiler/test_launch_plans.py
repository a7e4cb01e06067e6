"""Launch plans: defaults, fixed inputs, schedules, and the inputs of an execution."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import common_pb2, launch_plan_pb2, schedule_pb2
from flyteidl.core import interface_pb2, literals_pb2
from google.protobuf import any_pb2

from flyte_sandbox.compiler.launch_plans import compile_launch_plan, resolve_inputs
from flyte_sandbox.errors import InvalidArgument

from .conftest import Builder

BUILD = Builder()
PLAN_ID = BUILD.identifier("LAUNCH_PLAN", "plan")
WORKFLOW = BUILD.interface({"a": "int", "text": "str", "when": "datetime"}, {"o0": "int"})
NO_INPUTS = BUILD.interface()


def _parameter(text: str, value: object = None) -> interface_pb2.Parameter:
    variable = interface_pb2.Variable(type=BUILD.type(text))
    if value is None:
        return interface_pb2.Parameter(var=variable, required=True)
    return interface_pb2.Parameter(var=variable, default=BUILD.literal(value))


def _literals(values: dict[str, object]) -> literals_pb2.LiteralMap:
    return literals_pb2.LiteralMap(literals={name: BUILD.literal(value) for name, value in values.items()})


def _spec(
    defaults: dict[str, interface_pb2.Parameter] | None = None,
    fixed: dict[str, object] | None = None,
    **changes: Any,
) -> launch_plan_pb2.LaunchPlanSpec:
    return launch_plan_pb2.LaunchPlanSpec(
        workflow_id=BUILD.identifier("WORKFLOW", "wf"),
        default_inputs=interface_pb2.ParameterMap(parameters=defaults or {}),
        fixed_inputs=_literals(fixed or {}),
        **changes,
    )


def _scheduled(kickoff: str = "", **expression: Any) -> launch_plan_pb2.LaunchPlanMetadata:
    schedule = schedule_pb2.Schedule(kickoff_time_input_arg=kickoff, **expression)
    return launch_plan_pb2.LaunchPlanMetadata(schedule=schedule)


HOURLY = {"cron_schedule": schedule_pb2.CronSchedule(schedule="@hourly")}
ALL_GIVEN = {"defaults": {"a": _parameter("int", 1), "text": _parameter("str", "x")}}


def test_expected_inputs_are_defaults_and_what_is_neither_given_nor_fixed() -> None:
    spec = _spec({"a": _parameter("int", 1)}, {"text": "x"})
    before = spec.SerializeToString(deterministic=True)
    stored, expected, outputs = compile_launch_plan(PLAN_ID, spec, WORKFLOW)
    assert set(expected.parameters) == {"a", "when"}
    assert expected.parameters["a"].default == BUILD.literal(1)
    assert expected.parameters["when"].required
    assert expected.parameters["when"].var.type == BUILD.type("datetime")
    assert stored.default_inputs == expected
    assert stored.fixed_inputs == spec.fixed_inputs
    assert outputs == WORKFLOW.outputs
    assert spec.SerializeToString(deterministic=True) == before


def test_what_was_stored_compiles_to_the_same() -> None:
    stored, expected, _ = compile_launch_plan(PLAN_ID, _spec({"a": _parameter("int", 1)}), WORKFLOW)
    again, expected_again, _ = compile_launch_plan(PLAN_ID, stored, WORKFLOW)
    assert again == stored
    assert expected_again == expected


@pytest.mark.parametrize(
    ("spec", "interface", "message"),
    [
        (
            _spec({"b": _parameter("int", 1)}),
            WORKFLOW,
            "unexpected default_input b",
        ),
        (_spec(fixed={"b": 1}), WORKFLOW, "unexpected fixed_input b"),
        (
            _spec({"a": _parameter("str", "x")}),
            WORKFLOW,
            "invalid default_input wrong type a, expected simple:STRING, got simple:INTEGER instead",
        ),
        (
            _spec(fixed={"a": "x"}),
            WORKFLOW,
            "invalid fixed_input wrong type a, expected simple:INTEGER, got simple:STRING instead",
        ),
        (
            _spec({"a": _parameter("int", 1)}),
            NO_INPUTS,
            "invalid launch plan default inputs, expected none but found 1",
        ),
        (
            _spec(fixed={"a": 1, "b": 2}),
            NO_INPUTS,
            "invalid launch plan fixed inputs, expected none but found 2",
        ),
        (
            _spec({"a": _parameter("int", "x")}),
            WORKFLOW,
            "Type mismatch for Parameter a in default_inputs has type simple:INTEGER, expected simple:STRING",
        ),
        (
            _spec({"a": interface_pb2.Parameter(var=interface_pb2.Variable(type=BUILD.type("int")))}),
            WORKFLOW,
            "Invalid variable a in default_inputs - variable has neither default, nor is required."
            " One must be specified",
        ),
        (
            _spec({"a": interface_pb2.Parameter(required=True)}),
            WORKFLOW,
            "The Variable component of the Parameter a in default_inputs either is missing,"
            " or has a missing Type",
        ),
        (_spec({"": _parameter("int", 1)}), WORKFLOW, "missing key in default_inputs"),
        (_spec(fixed={"": 1}), WORKFLOW, "missing key in fixed_inputs"),
        (
            _spec(labels=common_pb2.Labels(values={f"k{i}": "" for i in range(17)})),
            WORKFLOW,
            "labels map cannot exceed 16 entries",
        ),
        (
            _spec(
                entity_metadata=launch_plan_pb2.LaunchPlanMetadata(notifications=[common_pb2.Notification()])
            ),
            WORKFLOW,
            "invalid value for notification type",
        ),
        (
            _spec(
                entity_metadata=launch_plan_pb2.LaunchPlanMetadata(launch_conditions=any_pb2.Any(value=b"x"))
            ),
            WORKFLOW,
            'Launch condition must be empty, found value:"x"',
        ),
    ],
)
def test_what_flyteadmin_refuses_with_its_words(
    spec: launch_plan_pb2.LaunchPlanSpec, interface: interface_pb2.TypedInterface, message: str
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        compile_launch_plan(PLAN_ID, spec, interface)
    assert refusal.value.message == message


def test_artifacts_need_a_service_that_is_not_there() -> None:
    parameter = _parameter("int", 1)
    parameter.artifact_query.uri = "flyte://x"
    with pytest.raises(
        InvalidArgument, match=r"^artifact mode not enabled but query found default_inputs a$"
    ):
        compile_launch_plan(PLAN_ID, _spec({"a": parameter}), WORKFLOW)


def test_a_fixed_input_without_a_value_is_refused() -> None:
    spec = _spec()
    spec.fixed_inputs.literals["a"].hash = "h"
    with pytest.raises(InvalidArgument, match=r"^missing valid literal in fixed_inputs a$"):
        compile_launch_plan(PLAN_ID, spec, WORKFLOW)


@pytest.mark.parametrize(
    ("seconds", "nanos", "end"),
    [
        (-62_135_596_801, 0, "before 0001-01-01"),
        (253_402_300_800, 0, "after 9999-12-31"),
        (0, -1, "has out-of-range nanos"),
    ],
)
def test_a_date_beyond_the_calendar_is_refused(seconds: int, nanos: int, end: str) -> None:
    spec = _spec()
    datetime = spec.fixed_inputs.literals["when"].scalar.primitive.datetime
    datetime.seconds, datetime.nanos = seconds, nanos
    with pytest.raises(InvalidArgument) as refusal:
        compile_launch_plan(PLAN_ID, spec, WORKFLOW)
    assert refusal.value.message == f"proto: timestamp (seconds:{seconds} nanos:{nanos}) {end}"


def test_the_ids_come_first() -> None:
    with pytest.raises(InvalidArgument, match=r"^unexpected resource type workflow"):
        compile_launch_plan(BUILD.identifier("WORKFLOW", "wf"), _spec(), WORKFLOW)
    with pytest.raises(InvalidArgument, match=r"^unexpected resource type unspecified"):
        compile_launch_plan(PLAN_ID, launch_plan_pb2.LaunchPlanSpec(), WORKFLOW)


@pytest.mark.parametrize(
    "expression",
    [
        HOURLY,
        {"cron_expression": "0 9 * * *"},
        {"rate": schedule_pb2.FixedRate(value=1, unit=schedule_pb2.HOUR)},
    ],
)
def test_a_schedule_needs_every_input_but_the_kickoff_time(expression: dict[str, Any]) -> None:
    compile_launch_plan(
        PLAN_ID, _spec(**ALL_GIVEN, entity_metadata=_scheduled("when", **expression)), WORKFLOW
    )
    with pytest.raises(InvalidArgument) as refusal:
        compile_launch_plan(PLAN_ID, _spec(**ALL_GIVEN, entity_metadata=_scheduled(**expression)), WORKFLOW)
    assert refusal.value.message == (
        "Cannot create a launch plan with a schedule if there is an unbound required input."
        " [when] is required"
    )


@pytest.mark.parametrize(
    ("fixed", "metadata", "message"),
    [
        (
            {"a": 1, "text": "x"},
            _scheduled("then", **HOURLY),
            "Cannot create a launch plan with a schedule if there is an unbound required input."
            " [when] is required",
        ),
        (
            {"text": "x"},
            _scheduled("a", **HOURLY),
            "Cannot create a launch plan with a schedule if there is an unbound required input."
            " [when] is required",
        ),
    ],
)
def test_a_kickoff_input_must_be_there(
    fixed: dict[str, object], metadata: launch_plan_pb2.LaunchPlanMetadata, message: str
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        compile_launch_plan(PLAN_ID, _spec(fixed=fixed, entity_metadata=metadata), WORKFLOW)
    assert refusal.value.message == message


@pytest.mark.parametrize(
    ("inputs", "kickoff", "message"),
    [
        (
            {},
            "when",
            "Cannot create a schedule with a KickoffTimeInputArg that does not point to a free input."
            " [when] is not free or does not exist.",
        ),
        ({"a": "int"}, "a", "KickoffTimeInputArg must reference a datetime input. [a] is a [simple:INTEGER]"),
    ],
)
def test_a_kickoff_input_is_a_free_datetime(inputs: dict[str, str], kickoff: str, message: str) -> None:
    spec = _spec(entity_metadata=_scheduled(kickoff, **HOURLY))
    with pytest.raises(InvalidArgument) as refusal:
        compile_launch_plan(PLAN_ID, spec, BUILD.interface(inputs))
    assert refusal.value.message == message


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            {"cron_schedule": schedule_pb2.CronSchedule(schedule="often")},
            "Invalid cron expression: often: expected exactly 5 fields, found 1: ['often']",
        ),
        ({"cron_schedule": schedule_pb2.CronSchedule()}, "Invalid cron expression: : empty spec string"),
        ({"rate": schedule_pb2.FixedRate(value=0)}, "invalid value for rate"),
    ],
)
def test_a_schedule_that_says_nothing_is_refused(expression: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        compile_launch_plan(PLAN_ID, _spec(entity_metadata=_scheduled(**expression)), NO_INPUTS)
    assert refusal.value.message == message


EXPECTED = interface_pb2.ParameterMap(
    parameters={
        "a": _parameter("int"),
        "text": _parameter("str", "hello"),
        "maybe": _parameter("int|none", 3),
    }
)


def test_given_inputs_come_before_defaults_and_fixed_ones_are_added() -> None:
    given = _literals({"a": 1})
    resolved = resolve_inputs(EXPECTED, _literals({"fixed": 2}), given)
    assert resolved == _literals({"a": 1, "text": "hello", "maybe": 3, "fixed": 2})
    assert given == _literals({"a": 1})


@pytest.mark.parametrize(
    ("fixed", "given", "message"),
    [
        ({}, {}, "expected_inputs a missing"),
        ({}, {"a": 1, "b": 1}, "invalid input b"),
        ({"x": 1}, {"a": 1, "x": 2}, "invalid input x"),
        ({}, {"a": "1"}, "invalid a input wrong type. Expected simple:INTEGER, but got simple:STRING"),
        ({}, {"a": 1.0}, "invalid a input wrong type. Expected simple:INTEGER, but got simple:FLOAT"),
        ({"text": "x"}, {"a": 1}, "fixed_inputs text cannot be overridden"),
    ],
)
def test_inputs_that_do_not_fit(fixed: dict[str, object], given: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        resolve_inputs(EXPECTED, _literals(fixed), _literals(given))
    assert refusal.value.message == message


def test_a_none_fits_an_optional_input() -> None:
    given = _literals({"a": 1})
    given.literals["maybe"].scalar.none_type.SetInParent()
    assert resolve_inputs(EXPECTED, _literals({}), given).literals["maybe"] == given.literals["maybe"]


def test_an_input_whose_type_nobody_can_tell_is_refused() -> None:
    given = literals_pb2.LiteralMap(literals={"a": literals_pb2.Literal(hash="h")})
    with pytest.raises(InvalidArgument, match=r"^Failed to validate literal type for \[a\] with err"):
        resolve_inputs(EXPECTED, _literals({}), given)
