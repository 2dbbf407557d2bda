"""What the outcomes of an evaluation add up to: classes, confusions, calibration. Numpy only."""

import collections
import math

import numpy as np

Bin = collections.namedtuple('Bin', 'low high images confidence accuracy')
Calibration = collections.namedtuple('Calibration', 'bins error confidence accuracy')
ClassRow = collections.namedtuple(
    'ClassRow', 'label images right predicted recall precision f1 mostly')


class Confusion:
    """How often each class was taken for each; memory follows the images, not classes squared."""

    def __init__(self, labels, guesses, classes):
        """labels, guesses: int [images], below `classes`."""
        self.classes = classes
        self.images = np.bincount(labels, minlength=classes)
        self.predicted = np.bincount(guesses, minlength=classes)
        self.right = np.bincount(labels[labels == guesses], minlength=classes)
        pairs, self._counts = np.unique(labels.astype(np.int64) * classes + guesses,
                                        return_counts=True)
        self._labels, self._guesses = pairs // classes, pairs % classes

    def mistakes(self):
        """[(label, guess, count)], the most frequent first."""
        wrong = self._labels != self._guesses
        rows = zip(self._labels[wrong], self._guesses[wrong], self._counts[wrong])
        return sorted(((int(a), int(b), int(n)) for a, b, n in rows),
                      key=lambda row: (-row[2], row[:2]))

    def cells(self):
        """(label, guess, count) of every pair that occurs."""
        return zip(self._labels.tolist(), self._guesses.tolist(), self._counts.tolist())

    def row(self, label):
        """Counts of the guesses for one class, int [classes]."""
        counts = np.zeros(self.classes, np.int64)
        own = self._labels == label
        counts[self._guesses[own]] = self._counts[own]
        return counts

    def blocks(self, most):
        """int [side, side]: the matrix, neighbouring classes added up so that side <= most."""
        width = -(-self.classes // most)
        side = -(-self.classes // width)
        matrix = np.zeros([side, side], np.int64)
        np.add.at(matrix, (self._labels // width, self._guesses // width), self._counts)
        return matrix

    def per_class(self):
        """A ClassRow a class, in the order of the classes; None where a share is of nothing.

        recall: right of the class's images (its accuracy); precision: right of what was called
        so; mostly: (guess, count), what its mistakes are most often taken for, or None.
        """
        mostly = {}
        for label, guess, count in reversed(self.mistakes()):
            mostly[label] = (guess, count)
        for label in range(self.classes):
            images, right, predicted = (int(counts[label]) for counts in (
                self.images, self.right, self.predicted))
            both = images + predicted
            yield ClassRow(label, images, right, predicted, _share(right, images),
                      _share(right, predicted), _share(2 * right, both), mostly.get(label))


def _share(part, whole):
    return part / whole if whole else None


def calibration(probabilities, right, bins=10):
    """Calibration of what the network says of its first choice.

    Bins of equal width; error: expected calibration error, the mean over images of the distance
    between confidence and accuracy of their bin (Guo et al., arXiv:1706.04599).
    """
    where = np.minimum((probabilities * bins).astype(int), bins - 1)
    images = np.bincount(where, minlength=bins)
    confidence = np.bincount(where, probabilities, bins)
    hits = np.bincount(where, right.astype(float), bins)
    found = [Bin(i / bins, (i + 1) / bins, int(n), float(confidence[i] / n), float(hits[i] / n))
             for i, n in enumerate(images) if n]
    error = float(np.abs(confidence - hits).sum() / len(right))
    return Calibration(found, error, float(probabilities.mean()), float(right.mean()))


def interval(share, count):
    """(low, high) of a share seen in `count` images, 95 %, by Wilson's formula."""
    z = 1.96
    middle = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)
