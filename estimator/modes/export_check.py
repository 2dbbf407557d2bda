"""Whether exported files compute what the checkpoint computes, on real or random images.

The reference is the network as --mode=eval builds it, on the same images.
"""

import collections
import time

import numpy as np
import tensorflow.compat.v1 as tf

from common.console import warn
from common.errors import ProgramError
from estimator import model_fn
from estimator.modes import tflite
from estimator.modes import trained_network as trained_lib

IMAGES = 64
BATCH = 8
# Seconds for one file at most; slow networks are compared on fewer images.
SECONDS = 60
# Largest difference allowed of float files, relative to the largest value.
TOLERANCE = 1e-3
# 8-bit weights: beyond this a file is nonsense; below it the agreement of the classes tells.
TOLERANCE_QUANTISED = 1.0

Reference = collections.namedtuple('Reference', ['encoded', 'images', 'logits', 'source'])


def reference(trained, serving):
    """The images to compare on and the checkpoint's logits of them."""
    encoded, source = serving.sample(IMAGES)
    with tf.Graph().as_default():
        text = tf.placeholder(tf.string, [])
        image = serving.preprocess_for_serving(text)
        images = tf.placeholder(tf.float32, [None, trained.size, trained.size, 3])
        logits, _ = model_fn.averaged_logits(
            trained.network, dict(trained.arguments, folded=False), images, trained.weights)
        with trained_lib.new_session(trained) as session:
            tf.train.Saver().restore(session, trained.prefix)
            kept = []
            for content in encoded:
                try:
                    kept.append((content, session.run(image, {text: content})))
                except tf.errors.InvalidArgumentError:
                    warn(f'{source}: an image that cannot be read is left out of the comparison')
            if not kept:
                raise ProgramError(f'{source}: no image could be read to compare on. Give images '
                                     'with --data_dir, or leave it out for random ones.')
            contents, pixels = [list(part) for part in zip(*kept)]
            return Reference(contents, np.stack(pixels),
                             _batched(lambda part: session.run(logits, {images: part}), pixels),
                             source)


def _batched(function, items):
    """function over batches of items, for SECONDS at most: its rows for the first of the items."""
    rows, start = [], time.time()
    for first in range(0, len(items), BATCH):
        rows.append(function(np.array(items[first:first + BATCH])))
        if time.time() - start > SECONDS:
            break
    return np.concatenate(rows)


def saved_model(path, trained, against):
    """{signature: row of the report} of both signatures, loaded into an empty graph."""
    with tf.Graph().as_default(), trained_lib.new_session(trained) as session:
        loaded = tf.saved_model.load(session, [tf.saved_model.tag_constants.SERVING], path)

        def call(name, source, output):
            signature = loaded.signature_def[name]
            (feed,), fetch = signature.inputs.values(), signature.outputs[output]
            return lambda part: session.run(fetch.name, {feed.name: part})
        logits = _batched(call('images', 'images', 'logits'), against.images)
        encoded = np.array(against.encoded, object)
        probabilities = _batched(call('classify', 'image_bytes', 'probabilities'), encoded)
    return {'saved_model images': compare(logits, against.logits, TOLERANCE),
            'saved_model classify': compare(probabilities, softmax(against.logits), TOLERANCE)}


def frozen_graph(path, names, trained, against):
    """Row of the report of a frozen graph; names: of its input and its logits."""
    definition = tf.GraphDef()
    with open(path, 'rb') as stream:
        definition.ParseFromString(stream.read())
    with tf.Graph().as_default(), trained_lib.new_session(trained) as session:
        tf.import_graph_def(definition, name='')
        logits = _batched(lambda part: session.run(names[1], {names[0]: part}), against.images)
    return compare(logits, against.logits, TOLERANCE)


def tflite_file(path, against, quantised):
    """Row of the report of a TFLite file."""
    model = tflite.Model(path)
    logits = _batched(lambda part: np.stack([model(image) for image in part]), against.images)
    return compare(logits, against.logits, TOLERANCE_QUANTISED if quantised else TOLERANCE)


def compare(values, expected, tolerance):
    """Largest difference and agreement of the likeliest class of the first len(values) rows."""
    count = min(len(values), len(expected))
    values, expected = values[:count], expected[:count]
    difference = float(np.max(np.abs(values - expected)))
    largest = float(np.max(np.abs(expected)))
    same = np.mean(np.argmax(values, axis=1) == np.argmax(expected, axis=1))
    return {'max_abs_difference': difference, 'allowed': tolerance * largest,
            'largest_value': largest, 'top_1_agreement': float(same), 'images': count,
            'ok': bool(difference <= tolerance * largest)}      # a NaN is not ok


def softmax(logits):
    """Probabilities of logits [batch, classes]."""
    powers = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    return powers / np.sum(powers, axis=1, keepdims=True)
