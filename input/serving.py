"""Images for a trained network: a user's files or a data set's, and what is done to them."""

import glob
import itertools
import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from common import storage
from common.errors import DataError
from input import labels
from input import preprocessing as styles
from input.images import checks, formats, orientation
from input.sources.source import open_source

STDIN = '-'


class Serving:
    """What prediction and export need of the data: a few images, and the way an image goes.

    Args: as of inputs.Inputs, which it replaces in the modes predict and export.

    Attributes:
        image_size: side of the network's input in pixels.
    """

    RANDOM = 'random images'

    def __init__(self, params, preprocessing, image_size, native_classes):
        self._params, self._native_classes = params, native_classes
        self._style_name, self._style = styles.style_of(params, preprocessing)
        self.image_size = params.input_image_size or image_size

    def preprocess_for_serving(self, encoded):
        """The evaluation path, upright: string scalar -> float32 [size, size, 3] normalised."""
        return styles.eval_image(encoded, self.image_size, self._params, self._style,
                                 orientation.UprightImage)

    def images(self):
        """Image files --data_dir names, of a folder sorted, at most --num_eval_images.

        DataError when there is none.
        """
        return find_images(self._params.data_dir)[:self._params.num_eval_images]

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

    def examples(self, split, count):
        """Up to count examples: (encoded images, their classes or None, where they are from).

        split: 'train' or 'eval'. --data_dir may be a data set, or images without classes; without
        one, and of --dataset=synthetic, they are RANDOM.

        Raises:
            DataError: --data_dir is neither, or damaged.
        """
        params = self._params
        if params.dataset or params.data_dir:
            source = self._data_set()
            if source:
                return self._of_data_set(source, split, count)
        if params.data_dir and not params.dataset:
            files = self.images()
            files = files[-count:] if split == 'train' else files[:count]   # others, if there are
            return [self.read(name) for name in files], None, params.data_dir
        return random_images(count, self.image_size), None, self.RANDOM

    def _data_set(self):
        """The source.Source of the flags; None for synthetic images and for a folder of others."""
        try:
            return open_source(self._params)
        except DataError:
            if self._params.dataset:
                raise
            self.images()       # says what is wrong where there are none of these either
            return None

    def _of_data_set(self, source, split, count):
        readers = [reader for reader in (source.train, source.evaluation) if reader]
        rule = labels.resolve(source, labels.sample(readers), self._params, self._native_classes)
        reader = source.train if split == 'train' else source.evaluation
        reader = reader or readers[0]
        some = itertools.islice(reader.sample(count), count)
        rows = [reader.image_and_label(*row) for row in some]
        classes = [label - rule.offset + rule.background for _, label in rows]
        return [encoded for encoded, _ in rows], classes, f'{source.where} ({split})'

    def describe(self):
        """The preprocessing in numbers, for whoever feeds pixels. mean, std: of 0..255.

        steps: what `preprocess.py` does with a decoded image, in order.
        """
        style, size = self._style, self.image_size
        steps = styles.steps(style, size) + [{'do': 'gray'}] * bool(self._params.use_grayscale)
        steps.append({'do': 'normalise', 'mean': list(style.mean), 'std': list(style.std)})
        return {'style': self._style_name, 'image_size': size, 'channels': 'RGB', 'layout': 'NHWC',
                'jpeg': style.jpeg, 'mean': list(style.mean), 'std': list(style.std),
                'grayscale': bool(self._params.use_grayscale), 'steps': steps}

    def client_code(self):
        """Path of the Python file that does this without TensorFlow, to put beside an export."""
        return os.path.join(os.path.dirname(os.path.abspath(__file__)), 'preprocess.py')


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
            raise DataError(f'{path}: no image in this folder; expected {formats.READ} '
                            f'files; first entries there: {storage.first_names(path)}')
        return found
    found = []
    for match in sorted(glob.glob(path, recursive=True)):
        found += _below(match) if os.path.isdir(match) else [match]
    if not found:
        raise DataError(f'--data_dir={path}: no such file or folder, and no file matches it as a '
                        'pattern. Give an image, a folder of images, or a quoted pattern')
    return sorted(set(found))


def _listed(stream):
    """Paths on the lines of a binary stream, or with a NUL behind each (find -print0)."""
    content = stream.read()
    if content.startswith((b'\xff\xd8', b'\x89PNG')):
        raise DataError('--data_dir=-: the standard input is an image; it takes paths, a line '
                        'each. Give the file itself: --data_dir=FILE')
    lines = content.split(b'\0') if b'\0' in content else content.splitlines()
    found = [os.fsdecode(line) for line in lines if line.strip()]
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
