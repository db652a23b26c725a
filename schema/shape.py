"""The shape of a question's text: bounded before anything looks at what it means.

Parsing, validating and merging fields take time that grows faster than the text: fields of one name
are compared pair by pair, and fragments that are spread twice double at each level. So a text is
measured first, by one walk that gives up at the first bound; what is within all bounds is parsed
and validated once, and kept by its text.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    VariableNode,
    parse,
    specified_rules,
    validate,
)

from geo.errors import BadInputError, LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphql import GraphQLSchema, SelectionNode, SelectionSetNode, ValidationContext
    from graphql.validation import ASTValidationRule

MAX_CHARACTERS = 100_000
"""Of a question's text; long lists belong into variables."""
MAX_TOKENS = 6_000
"""Words of a question's text."""
MAX_NESTING = 100
"""Brackets inside one another."""
MAX_DEPTH = 24
"""Fields below one another."""
MAX_ALIASES = 200
MAX_DEFINITIONS = 250
"""Operations and fragments of one text."""
MAX_VARIABLES = 250
MAX_DIRECTIVES = 250
MAX_FIELDS = 3_000
"""Fields of all operations, with those of fragments wherever they are spread."""
MAX_PAIRS = 20_000
"""Pairs of fields (and of fragments) of one place that must be compared."""

MAX_ERRORS = 20
"""That are told of one text: each looks for a name that may have been meant."""
MAX_LIST = 20_500
"""Items of a list in variables: somewhat more than any argument takes, which says so better."""
MAX_VALUES = 125_000
"""Values of all variables, those in lists and objects counted one by one."""

FEW = 100
"""So many values are not worth a walk."""
NONE: Mapping[str, Sized] = {}

KEPT_CHARACTERS = 250_000
"""Texts that are kept in parsed form, in all: parsed, they take about eighty times as much."""
EACH_CHARACTERS = 150
"""What keeping a text takes beside its characters, counted in them."""
FIELD_CHARACTERS = 20
"""What the plan of a field takes, counted likewise: some 1,400 bytes."""
MOST_SHAPES = 8
"""Shapes of one operation that are kept: which of its parts are included and which are skipped."""

_TOKENS = re.compile(
    r'"""(?:\\"""|"(?!"")|[^"])*"""|"(?:\\.|[^"\\\n])*"|#[^\n]*'  # strings and comments
    r"|[{\[(]|[}\])]|[A-Za-z_0-9.+-]+|[^\s,]",
    re.DOTALL,
)
_SIMPLE = frozenset({str, int, float, bool, type(None)})
_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass
class Known:
    """A question's text that is within all bounds."""

    document: DocumentNode
    introspects: bool
    """Whether it asks for the schema itself."""
    operations: int
    """How many there are to choose from."""
    fields: int
    """Of all operations, with those of fragments wherever they are spread."""
    shapes: int
    """Plans that may be kept of each: by what variables say is skipped."""
    plans: dict[str | None, object] = field(default_factory=dict)
    """What was worked out for its operations, by their names."""
    queries: dict[str | None, object] = field(default_factory=dict)
    """What answers those that are queries, by their names; None for the only one."""
    _problems: tuple[GraphQLSchema, bool, list[GraphQLError]] | None = None

    def judged(self, schema: GraphQLSchema, *, silent: bool = False) -> list[GraphQLError] | None:
        """Return what is wrong with it under a schema; None where that was not worked out yet."""
        if self._problems is None or self._problems[0] is not schema:
            return None
        _, was_silent, found = self._problems
        return found if was_silent == silent or not found else None

    def judge(self, schema: GraphQLSchema, *, silent: bool = False) -> list[GraphQLError]:
        """Work out what is wrong with it under a schema.

        Parameters
        ----------
        silent
            Whether no names are told that may have been meant.
        """
        found = _validated(schema, self.document, silent=silent)
        for problem in found:  # some were raised: their frames hold all that validates
            problem.__traceback__ = None
            if problem.original_error is not None:
                problem.original_error.__traceback__ = None
        self._problems = schema, silent, found
        return found


class Texts:
    """Texts that were read, the least recently used of which are forgotten.

    Parameters
    ----------
    room
        Characters that all kept texts may have, with what is worked out for them counted in such.
    """

    def __init__(self, room: int = KEPT_CHARACTERS) -> None:
        self.room = room
        self._held: OrderedDict[str, Known] = OrderedDict()
        self._size = 0

    def read(self, text: str) -> Known:
        """Return what is known of a text.

        Raises
        ------
        BadInputError
            If it is beyond a bound.
        graphql.GraphQLError
            If it is no GraphQL.
        """
        return self.held(text) or self.keep(text, read(text))

    def held(self, text: str) -> Known | None:
        """Return what is known of a text that was read before."""
        known = self._held.get(text)
        if known is not None:
            self._held.move_to_end(text)
        return known

    def keep(self, text: str, known: Known) -> Known:
        """Keep what is known of a text, and return what is kept."""
        if text in self._held:  # another asked for the same meanwhile
            return self._held[text]
        if _weight(text, known) <= self.room // 2:  # else it would push out most others
            self._held[text] = known
            self._size += _weight(text, known)
        while self._size > self.room:
            self._size -= _weight(*self._held.popitem(last=False))
        return known


def _weight(text: str, known: Known) -> int:
    return len(text) + EACH_CHARACTERS + FIELD_CHARACTERS * known.fields * known.shapes


def check_length(text: str) -> None:
    """Refuse a text that is too long.

    Raises
    ------
    BadInputError
        If it is.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadInputError(
            f"the question's text has {len(text)} characters, and {MAX_CHARACTERS} are allowed: "
            "send lists and objects as variables"
        )


def read(text: str) -> Known:
    """Read a text; see :meth:`Texts.read`."""
    check_length(text)
    _check_words(text)
    document = parse(text, max_tokens=MAX_TOKENS)
    _unlink(document)
    walk = _Walk(document)
    walk.all()
    operations = sum(isinstance(one, OperationDefinitionNode) for one in document.definitions)
    return Known(document, walk.introspects, operations, walk.fields, walk.shapes)


def _validated(
    schema: GraphQLSchema, document: DocumentNode, *, silent: bool
) -> list[GraphQLError]:
    """Return what is wrong with a text, without leaving all of it in circles.

    graphql-core's rules know themselves and the text. A long text of theirs would be looked at by
    the collector of garbage, object by object, while nobody else is answered.
    """
    made: list[ASTValidationRule] = []

    def noted(rule: type[ASTValidationRule], context: ValidationContext) -> ASTValidationRule:
        made.append(rule(context))
        return made[-1]

    rules: Any = [partial(noted, rule) for rule in specified_rules]  # they are only called
    try:
        return validate(schema, document, rules, max_errors=MAX_ERRORS, hide_suggestions=silent)
    finally:
        for one in made:
            vars(one.context).clear()
            vars(one).clear()


def _unlink(document: DocumentNode) -> None:
    """Let the words of a text not name one another.

    What is forgotten goes at once then. A circle would wait for the collector of garbage, which
    looks at what has lived for long about once in half a million questions.
    """
    word = document.loc.start_token if document.loc is not None else None
    while word is not None:
        word.prev, word.next, word = None, None, word.next


def _check_words(text: str) -> None:
    """Refuse what would keep the parser busy, or what it, calling itself, could not follow."""
    depth = 0
    for number, found in enumerate(_TOKENS.finditer(text)):
        first = found[0][0]
        if number > MAX_TOKENS:
            raise BadInputError(f"a question may have {MAX_TOKENS} words and signs, not more")
        if first in "{[(":
            depth += 1
            if depth > MAX_NESTING:
                raise BadInputError(f"brackets may be nested {MAX_NESTING} deep, not deeper")
        elif first in "}])":
            depth -= 1


def check_variables(variables: Mapping[str, object], known: Mapping[str, Sized] = NONE) -> None:
    """Refuse variables that would take long to be understood, one value after the other.

    Parameters
    ----------
    known
        Those of them that are known to be lists of objects of two values.

    Raises
    ------
    LimitExceededError
        If a list, or all of them together, are too long.
    BadInputError
        If they are nested too deeply.
    """
    if len(variables) <= FEW and all(map(_is_plain, variables.values())):
        return
    level: list[Any] = [{name: one for name, one in variables.items() if name not in known}]
    number, depth = sum(1 + 3 * len(one) for one in known.values()), 0
    while level:
        number += sum(map(len, level))
        plain = set(map(type, level)) == {dict}  # as a thousand points are
        lists = [] if plain else [one for one in level if isinstance(one, list)]
        objects = level if plain else [one for one in level if isinstance(one, dict)]
        longest = max(map(len, lists), default=0)
        if longest > MAX_LIST:
            raise LimitExceededError(f"a list may have {MAX_LIST} items, and one has {longest}")
        if number > MAX_VALUES:
            raise LimitExceededError(f"variables may have {MAX_VALUES} values in all, not more")
        if depth > MAX_NESTING:
            raise BadInputError(f"variables may be nested {MAX_NESTING} deep, not deeper")
        below = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(lists)]
        nested = tuple(kind for kind in set(map(type, below)) if issubclass(kind, dict | list))
        level = [one for one in below if isinstance(one, nested)] if nested else []
        depth += 1


def _is_plain(value: object) -> bool:
    """Return whether a value is no list, and holds none and few others."""
    if type(value) is dict:
        return len(value) <= FEW and _SIMPLE.issuperset(map(type, value.values()))
    return type(value) in _SIMPLE


class _Walk:
    """One walk over all places of a document, as execution would merge them."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self._reached: set[str] = set()
        self._steering: set[str] = set()
        self._aliases = self._directives = self._pairs = 0
        self.fields = 0
        self.introspects = False

    @property
    def shapes(self) -> int:
        """How many shapes of it are kept at most."""
        return min(MOST_SHAPES, 1 << len(self._steering))

    def all(self) -> None:
        """Walk over every operation, and over fragments that none uses: they are validated, too."""
        self._few(len(self._document.definitions), MAX_DEFINITIONS, "operations and fragments")
        for one in self._document.definitions:
            if isinstance(one, OperationDefinitionNode):
                self._few(len(one.variable_definitions or ()), MAX_VARIABLES, "variables")
                self._place([one.selection_set], 1)
        for name, fragment in self._fragments.items():
            if name not in self._reached:
                self._place([fragment.selection_set], 1)

    def _place(self, sets: Iterable[SelectionSetNode], depth: int) -> None:
        """Walk over the selections of one place."""
        if depth > MAX_DEPTH + 1:
            raise BadInputError(f"fields may be {MAX_DEPTH} below one another, not deeper")
        named: dict[str, list[FieldNode]] = {}
        for node in self._merged(sets):
            self._count(node)
            named.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        for same in named.values():
            self._compare(len(same))
        for same in named.values():
            below = [node.selection_set for node in same if node.selection_set is not None]
            if below:
                self._place(below, depth + 1)

    def _merged(self, sets: Iterable[SelectionSetNode]) -> Iterable[FieldNode]:
        """Return the fields of one place, each fragment's once, however often it is spread."""
        seen: set[str] = set()
        selected = chain.from_iterable(one.selections for one in sets)
        waiting: list[Iterator[SelectionNode]] = [selected]
        while waiting:
            node = next(waiting[-1], None)
            if node is None:
                waiting.pop()
            elif isinstance(node, FieldNode):
                yield node
            elif isinstance(node, FragmentSpreadNode):
                self._tally(node)
                fragment = self._spread(node.name.value, seen)
                if fragment is not None:
                    waiting.append(iter(fragment.selection_set.selections))
            elif isinstance(node, InlineFragmentNode):
                self._tally(node)
                waiting.append(iter(node.selection_set.selections))
        self._compare(len(seen))

    def _spread(self, name: str, seen: set[str]) -> FragmentDefinitionNode | None:
        if name in seen:
            return None
        seen.add(name)
        self._reached.add(name)
        return self._fragments.get(name)

    def _count(self, node: FieldNode) -> None:
        self._tally(node)
        self.introspects = self.introspects or node.name.value in _INTROSPECTION
        if node.alias is not None:
            self._aliases += 1
            self._few(self._aliases, MAX_ALIASES, "aliases")

    def _few(self, number: int, most: int, what: str) -> None:
        if number > most:
            raise BadInputError(f"a question may have {most} {what}, not more")

    def _tally(self, node: SelectionNode) -> None:
        self.fields += 1
        for directive in node.directives or ():
            self._directives += 1
            said = (argument.value for argument in directive.arguments or ())
            self._steering.update(one.name.value for one in said if isinstance(one, VariableNode))
        self._few(self._directives, MAX_DIRECTIVES, "directives")
        if self.fields > MAX_FIELDS:
            raise BadInputError(
                f"a question may have {MAX_FIELDS} fields, those of its fragments counted wherever "
                "they are spread, not more"
            )

    def _compare(self, number: int) -> None:
        self._pairs += number * (number - 1) // 2
        if self._pairs > MAX_PAIRS:
            raise BadInputError(
                "too many fields or fragments of one place have the same name or stand side by "
                "side; name each once"
            )
