"""Of which organisation the people and organisations of a list are members."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from resolvers.list_lookup import ListedRow, Rejects, WordNotFoundError, shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sources.bodies import BodyFile, BodySpec
    from storage.body_writing import Organisation

ORGANISATION = "ORGANISATION"


class Listed(NamedTuple):
    """A row of a list, and the list that it stands in."""

    row: ListedRow
    spec: BodySpec
    part: BodyFile


class Members:
    """Organisations by what lists call them, and who is a member of which.

    Parameters
    ----------
    organisations
        All that are stored.
    listed
        The rows of lists, each with a key of its own.
    stored
        Keys of theirs that are stored.
    """

    def __init__(
        self,
        organisations: Sequence[Organisation],
        listed: Sequence[Listed],
        stored: Collection[str],
    ) -> None:
        self._listed = listed
        self._stored = {one.key for one in organisations} | set(stored)
        self._above = {one.key: one.member_of for one in organisations}
        self._kinds = {one.key: ORGANISATION for one in organisations}
        self._kinds |= {one.spec.key: one.spec.kind for one in listed}
        names = {one.key: one.name for one in organisations}
        names |= {one.spec.key: one.spec.name for one in listed}
        self._named: dict[str, list[str]] = defaultdict(list)
        for key, name in names.items():
            if self._kinds[key] == ORGANISATION:
                self._named[name].append(key)

    def key_of(self, called: str) -> str:
        """Return the key of an organisation by its key, or by its name if it alone has that.

        Raises
        ------
        WordNotFoundError
            If there is none, or several have that name.
        """
        if called in self._kinds:
            if self._kinds[called] != ORGANISATION:
                raise WordNotFoundError(f"{shortened(called)} is a person, who has no members")
            return called
        named = self._named.get(called, [])
        if len(named) == 1:
            return named[0]
        what = f"{len(named)} organisations are" if named else "there is no organisation"
        advice = "name its key" if named else "load it before, or in the same load"
        raise WordNotFoundError(f"{what} called {shortened(called)}; {advice}")

    def settle(self, rejects: Rejects) -> None:
        """Reject the rows that are members of what there is not, and those that hang on them."""
        of: dict[str, str] = {}
        for one in self._listed:
            if one.spec.member_of is not None:
                try:
                    of[one.spec.key] = self.key_of(one.spec.member_of)
                except WordNotFoundError as error:
                    rejects.add(one.row, f"member_of: {error}")
        self._reject_circles(of, rejects)
        self._reject_hanging(of, rejects)

    def _reject_hanging(self, of: Mapping[str, str], rejects: Rejects) -> None:
        """Reject the members of organisations that are not stored and were rejected."""
        members = defaultdict(list)
        for one in self._listed:
            if one.spec.key in of:
                members[of[one.spec.key]].append(one)
        gone = [one.spec.key for one in self._listed if one.row in rejects]
        while gone:
            key = gone.pop()
            hanging = members.pop(key, []) if key not in self._stored else []
            for one in hanging:
                if one.row not in rejects:
                    reason = f"it is a member of {shortened(key)}, whose own row was not taken"
                    rejects.add(one.row, reason)
                    gone.append(one.spec.key)

    def _reject_circles(self, of: Mapping[str, str], rejects: Rejects) -> None:
        """Reject organisations that would be members of themselves, at whatever distance."""
        says = {one.spec.key for one in self._listed if "member_of" in one.part.says}
        above = {key: up for key, up in self._above.items() if key not in says} | dict(of)
        rows = {one.spec.key: one.row for one in self._listed}
        safe: set[str] = set()
        for start in of:
            path: dict[str, None] = {}
            key: str | None = start
            while key is not None and key not in safe and key not in path:
                path[key] = None
                key = above.get(key)
            circle = list(path) if key is not None and key in path else []
            for member in circle[circle.index(key) :] if key in circle else ():
                if member in rows:
                    rejects.add(rows[member], "it would be a member of itself")
            safe.update(path)
