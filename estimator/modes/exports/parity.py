"""Whether exported files compute what the checkpoint computes, on images of the data.

The reference is the network as --mode=eval builds it, on the same images.
"""

import collections
import time

import numpy as np
import tensorflow.compat.v1 as tf

from common.console import warn
from common.errors import ProgramError
from estimator import model_fn
from estimator.modes import trained_network as trained_lib
from estimator.modes.exports import runtimes

IMAGES = 128
BATCH = 8
# Seconds for one file at most; slow networks are compared on fewer images.
SECONDS = 60

Allowed = collections.namedtuple('Allowed', 'kind share')
Allowed.__doc__ = """How far the logits of a file may be from the checkpoint's.

kind: 'largest', the largest difference as a share of the largest logit; 'noise', the root mean
square of the differences as a share of the spread of an image's logits, for files that round
every number: beyond a half little of the answer is left.
"""
FLOAT = Allowed('largest', 1e-3)
HALF = Allowed('noise', 0.05)
QUANTISED = Allowed('noise', 0.3)
INTEGER = Allowed('noise', 0.5)
INTEGER_16 = Allowed('noise', 0.1)
# Least share of the images on which the likeliest class is the same, and largest one of labelled
# images that a file may get wrong in addition, net.
SAME, LOST = 0.5, 0.15

Reference = collections.namedtuple('Reference', 'encoded images logits labels source')
Reference.__doc__ = """encoded: file contents; images: float32 [n, size, size, 3]; logits: of the
checkpoint; labels: int [n] classes, or None; source: where the images are from."""


def reference(trained, serving):
    """The images to compare on and the checkpoint's logits of them."""
    encoded, labels, source = serving.examples('eval', IMAGES)
    kept, pixels = decoded(trained, serving, encoded, source)
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, trained.size, trained.size, 3])
        logits, _ = model_fn.averaged_logits(
            trained.network, dict(trained.arguments, folded=False), images, trained.weights)
        with trained_lib.new_session(trained) as session:
            tf.train.Saver().restore(session, trained.prefix)
            values = _batched(lambda part: session.run(logits, {images: part}), pixels)
    return Reference([encoded[place] for place in kept], pixels, values,
                     None if labels is None else np.array(labels)[kept], source)


def decoded(trained, serving, encoded, source):
    """(places of the images that can be read, float32 [n, size, size, 3]).

    Raises ProgramError when there is none.
    """
    kept, pixels = [], []
    with tf.Graph().as_default():
        text = tf.placeholder(tf.string, [])
        image = serving.preprocess_for_serving(text)
        with trained_lib.new_session(trained) as session:
            for place, content in enumerate(encoded):
                try:
                    pixels.append(session.run(image, {text: content}))
                    kept.append(place)
                except tf.errors.InvalidArgumentError:
                    warn(f'{source}: an image that cannot be read is left out of the comparison')
    if not kept:
        raise ProgramError(f'{source}: no image could be read to compare on. Give images with '
                           '--data_dir, or leave it out for random ones.')
    return kept, np.stack(pixels)


def _batched(function, items):
    """function over batches of items, for SECONDS at most: its rows for the first of the items."""
    rows, start = [], time.monotonic()
    for first in range(0, len(items), BATCH):
        rows.append(function(np.array(items[first:first + BATCH])))
        if time.monotonic() - start > SECONDS:
            break
    return np.concatenate(rows)


def row_of(path, against, allowed):
    """Row of the report of an exported file."""
    runtime = runtimes.open_file(path)
    try:
        logits = _batched(runtime.logits, against.images)
        return dict(compare(logits, against, allowed), kind=runtime.kind, input=runtime.input,
                    output=runtime.output)
    finally:
        runtime.close()


def encoded_row(path, trained, against):
    """Row of the report of a SavedModel's signature that takes encoded images."""
    with tf.Graph().as_default(), trained_lib.new_session(trained) as session:
        loaded = tf.saved_model.load(session, [tf.saved_model.tag_constants.SERVING], path)
        signature = loaded.signature_def['classify']
        (feed,), fetch = signature.inputs.values(), signature.outputs['probabilities']
        probabilities = _batched(lambda part: session.run(fetch.name, {feed.name: part}),
                                 np.array(against.encoded, object))
    return compare(probabilities, against._replace(logits=softmax(against.logits)), FLOAT)


def compare(values, against, allowed):
    """Row of the report of the first len(values) images of a Reference.

    It tells the largest difference, the noise, how often the likeliest class is the same, and with
    labels how often it is the right one (top_1) and is so by the checkpoint (checkpoint_top_1).
    """
    count = min(len(values), len(against.logits))
    values, expected = values[:count], against.logits[:count]
    off = values - expected
    largest = float(np.max(np.abs(expected)))
    spread = expected - expected.mean(axis=1, keepdims=True)
    row = {'max_abs_difference': float(np.max(np.abs(off))), 'largest_value': largest,
           'noise': float(np.sqrt(np.mean(off ** 2) / max(np.mean(spread ** 2), 1e-30)))}
    found = {'largest': row['max_abs_difference'] / max(largest, 1e-30), 'noise': row['noise']}
    said = [np.argmax(rows, axis=1) for rows in (values, expected)]
    row.update(allowed={allowed.kind: allowed.share}, images=count, compared_on=against.source,
               top_1_agreement=float(np.mean(said[0] == said[1])))
    row['ok'] = bool(found[allowed.kind] <= allowed.share       # a NaN is not ok
                     and row['top_1_agreement'] >= SAME)
    if against.labels is not None:
        right = [float(np.mean(one == against.labels[:count])) for one in said]
        row.update(top_1=right[0], checkpoint_top_1=right[1], lost_allowed=LOST,
                   ok=row['ok'] and right[1] - right[0] <= LOST)
    return row


def softmax(logits):
    """Probabilities of logits [batch, classes]."""
    powers = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    return powers / np.sum(powers, axis=1, keepdims=True)
