"""`--save_features`: what the classifier of a network gets, a row an image."""

import csv
import os

import numpy as np

from common import files, storage
from common.errors import FlagError


def to_file(path):
    """Features for a file, by its ending; None collects nothing. FlagError: another ending."""
    if path is None:
        return Nothing()
    if not path.endswith(('.npz', '.csv')):
        raise FlagError(f'--save_features={path}: the name of the file must end in .npz or .csv.')
    return Features(path)


class Nothing:
    """No file was asked for."""

    def add(self, image, vector):
        """Forgets them."""


class Features:
    """Collects float32 vectors and writes them at the end: 4 bytes a channel and image."""

    def __init__(self, path):
        self._path, self._images, self._vectors = path, [], []

    def add(self, image, vector):
        """A path and [channels]."""
        self._images.append(image)
        self._vectors.append(np.asarray(vector, np.float32))

    def write(self):
        """The file, whole or not at all; returns its path.

        .npz: images, paths [n], and features, float32 [n, channels]; .csv: a line an image.
        """
        files.make_folder(os.path.dirname(storage.absolute(self._path)))
        with files.written(self._path) as place:
            (self._write_npz if self._path.endswith('.npz') else self._write_csv)(place)
        return self._path

    def _write_npz(self, path):
        with open(path, 'wb') as stream:
            np.savez(stream, images=np.array(self._images), features=np.stack(self._vectors))

    def _write_csv(self, path):
        with open(path, 'w', newline='', encoding='utf-8', errors='surrogateescape') as stream:
            writer = csv.writer(stream)
            writer.writerow(['image'] + [f'feature_{i}' for i in range(len(self._vectors[0]))])
            for image, vector in zip(self._images, self._vectors):
                writer.writerow([image] + ['%.7g' % value for value in vector])
