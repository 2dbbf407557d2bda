"""Chosen steps of a run, in Ascend's words: `0|5|10-20`.

A step is known by the global step it starts from: the first step of a run is step 0.
"""

from common.errors import FlagError

# Steps before a profile, and in it.
WARM_UP, LENGTH = 10, 6


class Steps:
    """A set of steps, kept as ranges: `0-1000000000` costs nothing."""

    def __init__(self, text):
        self.text = str(text)
        self._ranges = []
        for part in self.text.split('|'):
            first, _, last = part.partition('-')
            self._ranges.append((int(first), int(last or first)))

    def __contains__(self, step):
        return any(first <= step <= last for first, last in self._ranges)

    @property
    def first(self):
        """The lowest chosen step."""
        return min(first for first, _ in self._ranges)

    @property
    def last(self):
        """The highest chosen step."""
        return max(last for _, last in self._ranges)

    def impossible(self, start, end):
        """What is outside the steps start..end-1 of a run, as text; '' when nothing is."""
        outside = []
        for first, last in self._ranges:
            if first > last:
                outside.append(f'{first}-{last} (first above last)')
            elif first < start or last >= end:
                outside.append(str(first) if first == last else f'{first}-{last}')
        return ', '.join(outside)


def window(text):
    """(first, last) of one range of steps such as `10-15`; FlagError for several or a reversed one.
    """
    steps = Steps(text)
    if '|' in steps.text or steps.first > steps.last:
        raise FlagError(f'--profile_steps={text}: give one range of steps, such as 10-15.')
    first, _, last = steps.text.partition('-')
    return int(first), int(last or first)


def default_window(start, end):
    """(first, last) step of the profile of a run from step start to end.

    It lies after the start-up, and within a short run too.
    """
    first = start + min(WARM_UP, (end - start) // 2)
    return first, min(first + LENGTH, end) - 1
