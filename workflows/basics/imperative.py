"""Imperative workflows: built by a program instead of being written as a function.

For tools that generate workflows, from a configuration file for one. What comes out is a workflow like any
other.
"""

from flytekit import Workflow, task


@task
def clean(text: str) -> str:
    """Without blanks at the ends, in lower case."""
    return text.strip().lower()


@task
def append(text: str, suffix: str) -> str:
    """Both, one after the other."""
    return text + suffix


SUFFIXES = ("!", "?")

imperative_wf = Workflow(name="basics.imperative.imperative_wf")
imperative_wf.add_workflow_input("text", str)
_node = imperative_wf.add_entity(clean, text=imperative_wf.inputs["text"])
for _suffix in SUFFIXES:
    _node = imperative_wf.add_entity(append, text=_node.outputs["o0"], suffix=_suffix)
imperative_wf.add_workflow_output("shouted", _node.outputs["o0"])
