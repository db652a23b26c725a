"""Kernels that are compiled by Numba when they are first called, and not before.

Numba and LLVM take a third of a second and tens of megabytes of every process that imports them.
Most commands, and a service that only answers questions, call no kernel.
"""

from __future__ import annotations

import functools
from threading import RLock
from types import CodeType
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Kernel", "njit"]

P = ParamSpec("P")
R = TypeVar("R")

_ONE_AT_A_TIME = RLock()
"""Making a kernel makes those that it calls; of two threads, one waits for the other's."""


class Options(NamedTuple):
    """How a kernel is compiled, as ``numba.njit`` is told."""

    nogil: bool
    cache: bool
    inline: Literal["never", "always"]


class Kernel(Generic[P, R]):
    """A function of numbers and arrays that is compiled when it is first called.

    Parameters
    ----------
    function
        What Numba understands. The kernels that it calls are globals of its module.
    options
        How it is compiled.
    """

    __name__: str

    def __init__(self, function: Callable[P, R], options: Options) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._options = options
        self._made: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the compiled function."""
        made = self._made
        if made is None:
            made = self.make()
        return made(*args, **kwargs)

    def make(self) -> Callable[P, R]:
        """Hand the function to Numba, after those that it calls."""
        with _ONE_AT_A_TIME:
            if self._made is None:
                from numba import njit as compiled  # noqa: PLC0415 - only when a kernel is called

                known = self._function.__globals__
                for name in set(_names_in(self._function.__code__)):
                    called = known.get(name)
                    if isinstance(called, Kernel):
                        # Numba looks up what a function calls among its globals, and knows no
                        # functions but its own.
                        known[name] = called.make()
                self._made = compiled(**self._options._asdict())(self._function)
            return self._made


def _names_in(code: CodeType) -> Iterator[str]:
    """Yield the names of globals that a function and those inside of it use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def njit(
    *, nogil: bool = False, cache: bool = False, inline: Literal["never", "always"] = "never"
) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Return what makes a kernel of a function, as ``numba.njit`` does, but when it is called."""

    def decorate(function: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(function, Options(nogil, cache, inline))

    return decorate
