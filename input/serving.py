"""Images of a user for a trained network: finding the files, and the evaluation preprocessing."""

import glob
import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from common.errors import DataError
from input import preprocessing as styles
from input import storage
from input.images import checks, formats, orientation

STDIN = '-'


class Serving:
    """What prediction and export need of the data: no data set, only the way an image goes.

    Args: as of inputs.Inputs, which it replaces in the modes predict and export.

    Attributes:
        image_size: side of the network's input in pixels.
    """

    def __init__(self, params, preprocessing, image_size, native_classes):
        del native_classes
        self._params = params
        self._style_name, self._style = styles.style_of(params, preprocessing)
        self.image_size = params.input_image_size or image_size

    def preprocess_for_serving(self, encoded):
        """The evaluation path, upright: string scalar -> float32 [size, size, 3] normalised."""
        return styles.eval_image(encoded, self.image_size, self._params, self._style,
                                 orientation.UprightImage)

    def images(self):
        """Image files --data_dir names, of a folder sorted; DataError when there is none."""
        return find_images(self._params.data_dir)

    def shown(self, images):
        """uint8 pixels of what preprocess_for_serving gave."""
        return styles.shown(images, self._style)

    def read(self, path):
        """The encoded image of a file, upright, in a form the graph decodes.

        Raises:
            DataError: not there, no file, no image, or of too many pixels.
        """
        storage.refuse_odd(path)
        try:
            with storage.open_binary(path) as stream:
                return checks.readable(
                    stream.read(), checks.Rules(self._params.max_pixels))
        except (OSError, checks.BadImage) as error:
            raise DataError(f'{path}: {getattr(error, "strerror", None) or error}') from error

    def sample(self, count):
        """(encoded images, where they are from): up to count of --data_dir's, else random ones."""
        path = self._params.data_dir
        if path:
            try:
                found = self.images()[:count]
            except DataError:
                found = []      # TFRecords, say: a data set, no images
            if found:
                return [self.read(name) for name in found], path
        return random_images(count, self.image_size), 'random images'

    def describe(self):
        """The preprocessing in words and numbers, for whoever feeds pixels. mean, std: 0..255."""
        style = self._style
        return {'style': self._style_name, 'image_size': self.image_size, 'channels': 'RGB',
                'window': style.evaluate.__doc__.strip(), 'resize': style.resize.__doc__.strip(),
                'normalised': '(pixel - mean) / std, pixel in 0..255', 'mean': list(style.mean),
                'std': list(style.std), 'grayscale': bool(self._params.use_grayscale)}


def random_images(count, size):
    """JPEG images of coarse coloured noise, a little larger than size, of several shapes."""
    noise = np.random.RandomState(0)
    with tf.Graph().as_default(), tf.Session() as session:
        coarse = tf.placeholder(tf.float32, [None, None, 3])
        shape = tf.placeholder(tf.int32, [2])
        pixels = tf.cast(tf.image.resize_bilinear(coarse[tf.newaxis], shape)[0], tf.uint8)
        encoded = tf.io.encode_jpeg(pixels)
        return [session.run(encoded, {coarse: noise.uniform(0, 255, [8, 8, 3]),
                                      shape: size + noise.randint(0, size, 2)})
                for _ in range(count)]


def find_images(path):
    """Image files of a file, a folder of any depth, a glob such as 'photos/**/*.png' or '-'.

    '-' is the standard input, a path a line, kept in its order; the others are sorted. Raises
    DataError when there is none.
    """
    if path == STDIN:
        return _listed(sys.stdin.buffer)
    storage.refuse_odd(path)
    if storage.is_file(path):
        return [path]
    if storage.is_folder(path):
        found = _below(path)
        if not found:
            first = ', '.join(storage.names(path)[:5]) or 'nothing'
            raise DataError(f'{path}: no image in this folder; expected {formats.READ} '
                            f'files; first entries there: {first}')
        return found
    found = []
    for match in sorted(glob.glob(path, recursive=True)):
        found += _below(match) if os.path.isdir(match) else [match]
    if not found:
        raise DataError(f'--data_dir={path}: no such file or folder, and no file matches it as a '
                        'pattern. Give an image, a folder of images, or a quoted pattern')
    return sorted(set(found))


def _listed(stream):
    """Paths on the lines of a binary stream."""
    found = [os.fsdecode(line) for line in stream.read().splitlines() if line.strip()]
    if not found:
        raise DataError("--data_dir=-: no path on the standard input. Type, for example: find "
                        "photos -name '*.jpg' | python main.py --mode=predict --data_dir=- ...")
    return found


def _below(path):
    """Image files in a folder and all its sub-folders, hidden ones left out."""
    found = []
    if storage.is_address(path):
        return [os.path.join(path, name) for name in storage.names(path)
                if formats.is_image_name(name)]
    for where, folders, entries in os.walk(path):
        folders[:] = [name for name in folders if not formats.is_ignored(name)]
        found += [os.path.join(where, entry) for entry in entries
                  if formats.is_image_name(entry) and not formats.is_ignored(entry)]
    return sorted(found)
