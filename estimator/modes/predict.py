"""`--mode=predict`: the five likeliest classes of images, as a table or as JSON lines.

A file that cannot be read is named on stderr and passed over: the exit code is 0 as long as one
image could be read, and 3 when none could. In --export_dir: predictions.csv, a line for an image
and rank, and predictions.png, the first images. --save_features writes what the classifier gets.
Nothing is written into --model_dir.
"""

import csv
import json
import os

import tensorflow.compat.v1 as tf

from common.console import say, warn
from common.errors import DataError, first_line
from common.files import make_folder, written
from estimator.checkpoints import weights
from estimator.checkpoints.reading import step_of
from estimator.drawing import grid
from estimator.modes import features as features_lib
from estimator.modes import trained_network as trained_lib

TOP = 5
BATCH = 8
PICTURES = 24


def run(network, params, open_serving):
    """Prints predictions of every image of --data_dir; returns the exit code.

    open_serving: gives the input.Serving of the run. Raises DataError when no image is readable.
    """
    features = features_lib.to_file(params.save_features)
    serving = open_serving()
    files = serving.images()
    trained = trained_lib.find(network, params, serving.image_size,
                               lambda prefix: weights.to_evaluate(params.eval_weights, prefix)[0])
    text = params.format == 'text'
    if text:
        say(f'{network.name}, step {step_of(trained.prefix)}, {trained.weights} weights')
    width = max(len(_shown(path)) for path in files)
    rows, pictures = [], []
    for row, vector, image in predictions(trained, serving, files):
        rows.append(row)
        features.add(row['image'], vector)
        if len(pictures) < PICTURES and params.export_dir:
            pictures.append(serving.shown(image))
        for line in _lines(row, width) if text else [json.dumps(row)]:
            say(line)
    if not rows:
        raise DataError(f'{params.data_dir}: none of {len(files)} images could be read '
                           '(the reasons are above).')
    if len(rows) < len(files):
        warn(f'{len(files) - len(rows)} of {len(files)} files could not be read')
    for name, path in _written(params, rows, pictures, trained.class_names, features):
        if text:
            say(f'{name:11} {path}')
    return 0


def _written(params, rows, pictures, names, features):
    """Writes what the flags ask for; yields (what, path)."""
    if params.export_dir:
        yield 'predictions', write_csv(params.export_dir, rows)
        captions = [grid.caption(names, best['class'], best['probability'])
                    for best in (row['top_5'][0] for row in rows[:PICTURES])]
        yield 'picture', grid.save(os.path.join(params.export_dir, 'predictions.png'), pictures,
                                   captions)
    if params.save_features:
        yield 'features', features.write()


def predictions(trained, serving, files):
    """(row, features, image) of each image that can be read; the others are named on stderr.

    row: {'image': path, 'top_5': [{'class': index, 'name': str or None, 'probability': float}]};
    features: [channels]; image: [size, size, 3], normalised.
    """
    with tf.Graph().as_default():
        encoded = tf.placeholder(tf.string, [])
        image = serving.preprocess_for_serving(encoded)
        images = tf.placeholder(tf.float32, [None, trained.size, trained.size, 3])
        outputs = trained_lib.build(trained, images, trained.params.test_flip)
        top = tf.nn.top_k(outputs['probabilities'], min(TOP, trained.num_classes))
        with trained_lib.new_session(trained) as session:
            trained_lib.restore(trained, session)
            readable = _readable(session, image, encoded, files, serving)
            for paths, batch in _batches(readable):
                (values, classes), vectors = session.run((top, outputs['features']),
                                                         {images: batch})
                for path, value, index, *more in zip(paths, values, classes, vectors, batch):
                    top_5 = _named(trained.class_names, value, index)
                    yield ({'image': path, 'top_5': top_5}, *more)


def _readable(session, image, encoded, files, serving):
    """(path, normalised image) of every file that decodes."""
    for path in files:
        try:
            yield path, session.run(image, {encoded: serving.read(path)})
        except (DataError, tf.errors.OpError) as error:
            warn(f'{_shown(path)} skipped, not a readable image: {first_line(error)}')


def _batches(readable):
    paths, images = [], []
    for path, image in readable:
        paths.append(path)
        images.append(image)
        if len(paths) == BATCH:
            yield paths, images
            paths, images = [], []
    if paths:
        yield paths, images


def _named(names, values, classes):
    return [{'class': int(index), 'name': names[index] if names else None,
             'probability': round(float(value), 6)} for value, index in zip(values, classes)]


def _shown(path):
    """A path in one line of text, whatever bytes its name is made of."""
    return ''.join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in path)


def _lines(row, width):
    """The table of one image: its path beside the first class only."""
    path = _shown(row['image'])
    for best in row['top_5']:
        name = best['name'] if best['name'] is not None else f'class {best["class"]}'
        yield f'{path:{width}}  {best["probability"]:8.2%}  {best["class"]:5}  {name}'
        path = ''


def write_csv(directory, rows):
    """predictions.csv, a line for an image and rank; returns its path."""
    make_folder(directory)
    path = os.path.join(directory, 'predictions.csv')
    with written(path) as place, open(
            place, 'w', newline='', encoding='utf-8', errors='surrogateescape') as stream:
        writer = csv.writer(stream)
        writer.writerow(['image', 'rank', 'class', 'name', 'probability'])
        for row in rows:
            writer.writerows([row['image'], rank, best['class'], best['name'], best['probability']]
                             for rank, best in enumerate(row['top_5'], 1))
    return path
