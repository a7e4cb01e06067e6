"""Answers whether a template process of an environment is there and listens, by asking it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from flyte_sandbox.runner.dispatching import Dispatcher
from flyte_sandbox.runner.template_process import TemplateProcess
from flyte_sandbox.runner.templates import TemplateError


@dataclass
class Question:
    """
    :ivar asked: the template that was pinged last.
    :ivar failure: why there will be no answer.
    """

    environment: str
    is_answered: threading.Event = field(default_factory=threading.Event)
    asked: TemplateProcess | None = None
    failure: str = ""

    def fail(self, message: str) -> None:
        self.failure = message
        self.is_answered.set()


class Readiness:
    """On the runner's thread, but for ``question``."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._questions: list[Question] = []

    def question(self, environment: str) -> Question:
        return Question(environment)

    def ask(self, question: Question) -> None:
        self._dispatcher.failures.pop(question.environment, None)
        self._questions.append(question)

    def advance(self) -> None:
        """Ask those templates that have become usable; start them where there are none."""
        for question in self._questions:
            self._advance(question)
        self._questions = [question for question in self._questions if not question.is_answered.is_set()]

    def _advance(self, question: Question) -> None:
        failure = self._dispatcher.failures.get(question.environment)
        if failure is not None:
            question.fail(failure)
            return
        try:
            template = self._dispatcher.prewarm(question.environment)
        except TemplateError as exc:
            question.fail(str(exc))
            return
        if template.is_usable and question.asked is not template:
            question.asked = template
            template.order("ping")

    def answer(self, template: TemplateProcess) -> None:
        for question in self._questions:
            if question.asked is template:
                question.is_answered.set()
