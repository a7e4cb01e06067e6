"""Arrays, and everything else: numpy arrays are stored as ``.npy``, an unknown class is pickled.

Pickles work for any Python object; ``FlytePickle[...]`` says that this is meant, without it flytekit warns.
Only the same Python version with the same class can read them, and nothing about them shows in the console:
a dataclass is better where it will do.
"""

import numpy as np
from flytekit import task, workflow
from flytekit.types.pickle import FlytePickle


class Moments:
    """A class that Flyte knows nothing of: it travels as a pickle."""

    def __init__(self, mean: float, deviation: float) -> None:
        self.mean = mean
        self.deviation = deviation


@task
def sample(seed: int, size: int) -> np.ndarray:
    """Seeded, so that a repeat gives the same numbers."""
    return np.random.default_rng(seed).normal(loc=10.0, scale=2.0, size=size)


@task
def find_moments(numbers: np.ndarray) -> FlytePickle[Moments]:
    """Returns an object of our own class."""
    return Moments(float(numbers.mean()), float(numbers.std()))


@task
def standardise(numbers: np.ndarray, moments: FlytePickle[Moments]) -> np.ndarray:
    """Gets it back, with all its methods and attributes."""
    return (numbers - moments.mean) / moments.deviation


@workflow
def arrays_wf(seed: int = 7, size: int = 5) -> np.ndarray:
    """Sample numbers and bring them to mean 0 and deviation 1.

    :param seed: of the generator.
    :param size: how many numbers.
    :return: the standardised numbers.
    """
    numbers = sample(seed=seed, size=size)
    return standardise(numbers=numbers, moments=find_moments(numbers=numbers))
