"""Kernels are handed to Numba when they are first called."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from numba.core.registry import CPUDispatcher

from geo.compiling import Kernel, njit


@njit(inline="always")
def doubled(x: float) -> float:
    """Return twice a number."""
    return 2 * x


@njit(nogil=True)
def summed(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Return twice the sum of numbers."""
    total = 0.0
    for x in numbers:
        total += doubled(x)
    return total


@njit()
def ends_of(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Return twice the first and the last of numbers together."""
    every = [doubled(x) for x in numbers]
    return every[0] + every[-1]


def test_a_kernel_calls_kernels_from_many_threads_at_once() -> None:
    found: list[float] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        found.append(summed(np.array([1.0, 2.0, 3.5])))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [13.0] * 4
    assert isinstance(summed.make(), CPUDispatcher)
    assert summed.make() is summed.make()


def test_a_kernel_may_call_one_from_a_function_inside() -> None:
    assert ends_of(np.array([4.0, 9.0, 1.0])) == 10.0


def test_a_kernel_tells_of_itself_what_its_function_does() -> None:
    kernel: object = ends_of

    assert isinstance(kernel, Kernel)
    assert kernel.__name__ == "ends_of"
    assert kernel.__doc__ == "Return twice the first and the last of numbers together."


def test_a_kernel_that_is_called_wrongly_says_so() -> None:
    with pytest.raises(TypeError, match="too many arguments"):
        summed(np.zeros(1), 1)  # type: ignore[call-arg]  # that is the point
