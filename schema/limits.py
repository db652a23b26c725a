"""The limits of one question: what it may cost, how long it may take, what it may ask for."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary, ref

from anyio import CapacityLimiter, to_thread
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from geo.errors import BadInputError, ForbiddenError, TooCostlyError, WanggeError
from schema.cost import Estimate, estimate, prepare
from schema.refusals import Refusals
from schema.shape import Texts, check_length, check_variables, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import GraphQLSchema

    from schema.request import RequestContext
    from schema.shape import Known

P = ParamSpec("P")
T = TypeVar("T")

SHORT = 1_000
"""Characters of a text that is read at once: that takes a millisecond or two."""

TEXTS = Texts()
"""The questions of the process, by their text."""

REFUSALS = Refusals()
"""Why texts were refused by the process."""


@dataclass(frozen=True)
class Limits:
    """What one question may do."""

    cost: int = 250_000
    """The most that it may cost, see :mod:`schema.cost`."""
    seconds: float | None = None
    """How long a query may take; what changes something is never cut off."""
    statement_s: float | None = None
    """How long each statement of a query may take."""
    introspection: bool = True
    """Whether it may ask for the schema itself, and is told names that it may have meant."""


class Clock:
    """The end of a query's time, which comes early for a client who leaves.

    Parameters
    ----------
    context
        The request, whose statements are cancelled.
    """

    def __init__(self, context: RequestContext) -> None:
        # which has its clock: in a circle, both would wait for the collector of garbage
        self._context = ref(context)
        self._timer: asyncio.TimerHandle | None = None
        self._running = False
        self.waiting: asyncio.Timeout | None = None
        """What waits for the whole answer, if anything does that could be told."""
        self.refused = False
        """Whether the question was refused before anything ran."""
        self.ended: WanggeError | None = None
        """Why it was ended early."""

    def start(self, seconds: float | None) -> None:
        """Begin to count."""
        self._running = True
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._late, seconds)

    def leave(self) -> None:
        """End a query that nobody waits for any more; anything else goes on."""
        self._end(TooCostlyError("the one who asked has gone"))

    def stop(self) -> None:
        """Stop counting: the answer is there."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()

    def _late(self, seconds: float) -> None:
        said = f"the question took longer than {seconds:g} s; ask for less at a time"
        self._end(TooCostlyError(said, timedOut=True))

    def _end(self, why: WanggeError) -> None:
        if not self._running:
            return
        self.stop()
        self.ended = why
        context = self._context()
        if context is not None:
            context.reading.stop(why)
        if self.waiting is not None and not self.waiting.expired():
            self.waiting.reschedule(asyncio.get_running_loop().time())


class Bounded(SchemaExtension):
    """Bounds a question by its shape, its cost and its time, and tells the cost."""

    _known: Known | None = None
    _cost: int | None = None

    async def on_parse(self) -> AsyncIterator[None]:
        """Read the text, or refuse it by its shape."""
        asked = self.execution_context
        text = asked.query or ""
        _blame(asked.context, refused=True)
        try:
            self._known = TEXTS.held(text) or TEXTS.keep(text, await _read(text))
        except RecursionError:
            raise told(BadInputError("the question is nested too deeply")) from None
        except BadInputError as error:
            raise told(error) from error
        asked.graphql_document = self._known.document
        yield

    async def on_validate(self) -> AsyncIterator[None]:
        """Judge the text by the schema."""
        asked = self.execution_context
        known = cast("Known", self._known)
        core = _core(asked.schema)
        silent = not _limits(asked.context).introspection
        problems = known.judged(core, silent=silent)
        if problems is None:
            problems = await _beside(asked.query or "", known.judge, core, silent=silent)
        if asked._provided_operation_name is None and known.operations > 1:  # Strawberry takes one
            unsaid = BadInputError(
                "the text has several operations: name one of them by operationName"
            )
            problems = [told(unsaid), *problems]
        if known.introspects and silent:
            no = ForbiddenError("the schema is not told here; read schema.graphql")
            problems = [told(no), *problems]
        asked.pre_execution_errors = problems
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        """Refuse what would cost too much; let a query run for its time."""
        asked = self.execution_context
        limits = _limits(asked.context)
        check_variables(asked.variables or {})
        self._cost = cost_of(
            cast("Known", self._known), _core(asked.schema), asked.operation_name, asked.variables
        )
        require_affordable(self._cost, limits)
        _blame(asked.context, refused=False)
        clock: Clock | None = getattr(asked.context, "clock", None)
        if clock is None or asked.operation_type is not OperationType.QUERY:
            yield
            return
        asked.context.reading.bound(limits.statement_s)
        clock.start(limits.seconds)
        try:
            yield
        finally:
            clock.stop()

    def get_results(self) -> dict[str, object]:
        """Tell what a query was taken to cost, and what it might have."""
        if self._cost is None or self.execution_context.operation_type is not OperationType.QUERY:
            return {}
        return cost_told(self._cost, _limits(self.execution_context.context))


async def _read(text: str) -> Known:
    """Read a text, or refuse it by its shape; see :meth:`schema.shape.Texts.read`."""
    check_length(text)
    REFUSALS.require_new(text)
    try:
        return await _beside(text, read, text)
    except (BadInputError, GraphQLError) as error:
        REFUSALS.keep(text, error)
        raise


async def _beside(text: str, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Do what takes long for a long text in a thread, where it leaves others half of the time."""
    if len(text) <= SHORT:
        return work(*given, **named)
    return await to_thread.run_sync(
        partial(_uncollected, work, *given, **named), limiter=_one_at_a_time()
    )


def _uncollected(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Do what makes thousands of things at once, and leaves few circles; for one thread at a time.

    The collector of garbage would go through them again and again, while nobody is answered.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return work(*given, **named)
    finally:
        if was_on:
            gc.enable()


@cache
def _limiters() -> WeakKeyDictionary[asyncio.AbstractEventLoop, CapacityLimiter]:
    return WeakKeyDictionary()


def _one_at_a_time() -> CapacityLimiter:
    """Return what lets one thread of an event loop read long texts."""
    return _limiters().setdefault(asyncio.get_running_loop(), CapacityLimiter(1))


def cost_of(
    known: Known,
    schema: GraphQLSchema,
    operation: str | None,
    variables: Mapping[str, object] | None,
) -> int:
    """Return what an operation of a valid text may cost."""
    planned = known.plans.get(operation)
    if planned is None:
        planned = known.plans[operation] = prepare(schema, known.document, operation)
    steps, fixed = cast("Estimate", planned)
    return estimate(steps, variables or {}) if fixed is None else fixed


def require_affordable(cost: int, limits: Limits) -> None:
    """Refuse a question that may cost too much.

    Raises
    ------
    TooCostlyError
        If it may cost more than the limit.
    """
    if cost > limits.cost:
        raise TooCostlyError(
            f"the question may cost {cost}, and {limits.cost} are allowed: ask for fewer at each "
            "level (`first`), or in several requests",
            cost=cost,
            limit=limits.cost,
        )


def cost_told(cost: int, limits: Limits) -> dict[str, object]:
    """Return what an answer says of its cost."""
    return {"cost": {"estimated": cost, "limit": limits.cost}}


def _blame(context: object, *, refused: bool) -> None:
    """Note that a question is refused, unless it comes through."""
    clock = getattr(context, "clock", None)
    if isinstance(clock, Clock):
        clock.refused = refused


def _limits(context: object) -> Limits:
    limits = getattr(context, "limits", None)
    return limits if isinstance(limits, Limits) else Limits()


def _core(schema: object) -> GraphQLSchema:
    """Return graphql-core's schema of one of Strawberry's."""
    return cast("GraphQLSchema", schema._schema)  # type: ignore[attr-defined] # it has no other name


def told(error: WanggeError) -> GraphQLError:
    """Return a refusal as an error of a question of which nothing was executed."""
    return GraphQLError(str(error), original_error=error)
