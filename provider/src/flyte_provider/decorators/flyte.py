"""``@task.flyte``: a function that returns the inputs of an execution."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from flyte_provider._airflow import (
    DecoratedOperator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)
from flyte_provider.exceptions import FlyteConfigurationError
from flyte_provider.operators.flyte import FlyteOperator

if TYPE_CHECKING:
    from flyte_provider._airflow import Context


class _FlyteDecoratedOperator(DecoratedOperator, FlyteOperator):
    """
    A FlyteOperator whose inputs are what a function returns when the task runs.

    :param python_callable: returns a dict keyed by input name, or None for no inputs
    :param op_args: the function's positional arguments (templated)
    :param op_kwargs: the function's keyword arguments (templated)
    """

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *FlyteOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **FlyteOperator.template_fields_renderers,
    }
    custom_operator_name = "@task.flyte"
    overwrite_rtif_after_execution = True

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.get("inputs") is not None:
            raise FlyteConfigurationError("inputs: @task.flyte takes them from what the function returns")
        super().__init__(python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, **kwargs)

    def execute(self, context: Context) -> Any:
        """Call the function, then do as FlyteOperator does."""
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        inputs = self.python_callable(*self.op_args, **kwargs)
        if inputs is not None and not isinstance(inputs, Mapping):
            kind = type(inputs).__name__
            raise FlyteConfigurationError(
                f"@task.flyte: expected a dict of inputs from the function, got {kind}"
            )
        self.inputs = dict(inputs or {})
        return FlyteOperator.execute(self, context)


def flyte_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Any:
    """
    Launch an execution with the inputs that the function returns; the other keywords are FlyteOperator's.

    :param python_callable: The function.
    :param multiple_outputs: Whether each output is an XCom of its own; needs ``return_value="outputs"``.
    """
    return task_decorator_factory(
        python_callable=python_callable,
        # The function's annotation is about inputs: Airflow would take "-> dict" for outputs.
        multiple_outputs=bool(multiple_outputs),
        decorated_operator_class=_FlyteDecoratedOperator,
        **kwargs,
    )
