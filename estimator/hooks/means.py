"""Means of what a graph publishes since the last line or event."""

import collections

from estimator.hooks import published

# What is a mean over the steps since the last line, and what is the last step's own.
AVERAGED = ('loss', 'cross_entropy', 'weight_decay', 'train_accuracy', 'train_top_5_accuracy',
            'gradient_norm')
LAST = ('learning_rate',)


def fetches():
    """The tensors whose values Means.add takes."""
    return {name: published.tensor(name) for name in AVERAGED + LAST}


class Means:
    """Adds up the values of steps; take() gives their means and starts again."""

    def __init__(self):
        self._sums, self._count, self._last = collections.Counter(), 0, {}

    def add(self, values):
        """The values of one run of `fetches()`."""
        self._count += 1
        for name in AVERAGED:
            self._sums[name] += float(values[name])
        self._last = {name: float(values[name]) for name in LAST}

    def take(self):
        """{name: number} since the last call; {} when nothing was added."""
        if not self._count:
            return {}
        found = {name: self._sums[name] / self._count for name in AVERAGED}
        found.update(self._last)
        self.__init__()
        return found
