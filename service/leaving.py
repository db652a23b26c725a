"""What a request tells those it passed on its way: who is to hear that its client left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from starlette.types import Scope

WATCHED = "wangge.watched"
"""Where in a request's scope :class:`Watched` is."""


class Question(Protocol):
    """A question that is being answered."""

    refused: bool
    """Whether it was refused before anything ran."""

    def leave(self) -> None:
        """Hear that nobody waits for the answer."""


class Watched:
    """The questions of one request."""

    def __init__(self) -> None:
        self._questions: list[Question] = []

    def add(self, question: Question) -> None:
        """Watch a question."""
        self._questions.append(question)

    def leave(self) -> None:
        """Tell all questions that their client has left."""
        for question in self._questions:
            question.leave()

    @property
    def refused(self) -> bool:
        """Whether any of them was refused before anything ran."""
        return any(question.refused for question in self._questions)


def watch(scope: Scope, question: Question) -> None:
    """Let a request's question be watched, where anybody does."""
    watched = scope.get(WATCHED)
    if isinstance(watched, Watched):
        watched.add(question)
