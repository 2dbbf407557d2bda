"""The dataset graph: raw examples in a fixed order, then decoded, augmented and batched.

The order is that of input.example_order; the random draws of an example come from (seed, position),
so the stream does not depend on the number of threads.
"""

import functools
import multiprocessing

import tensorflow.compat.v1 as tf

from input import bad_records, preprocessing
from input.augment import mixing
from input.example_order import Share, raw_evaluation, raw_training

IN_FLIGHT = 32      # images prepared at a time, at least
BATCHES_AHEAD = 2   # finished batches that wait to be taken


def images_at_a_time(params):
    """Images prepared at a time: by default so many that no thread has to wait for its next one.

    On two cores a training reads faster than with AUTOTUNE (docs/results.md); order and draws are
    the same with any number.
    """
    return params.num_parallel_calls or max(IN_FLIGHT, 2 * multiprocessing.cpu_count())


def parts_at_a_time(params):
    """Batches, or chunks of images, prepared at a time: few, for the sake of memory."""
    return params.num_parallel_calls or tf.data.experimental.AUTOTUNE


def class_index(label, rule, path, record):
    """Stored label to the model's class; the graph fails with file and record otherwise."""
    index = label - rule.offset
    valid = tf.logical_and(index >= 0, index < rule.classes)
    check = tf.raw_ops.Assert(condition=valid, data=[
        tf.constant('label out of range'), tf.constant('file'), path, tf.constant('record'),
        record, tf.constant('label'), label], summarize=3)
    with tf.control_dependencies([check]):
        return index + rule.background


def training(reader, params, rule, size, style, batch_size, part=Share(1, 0), first_example=0):
    """Endless dataset of (features, labels); see inputs.Inputs.train_input_fn."""
    def example(position, path, record, data, label):
        encoded, stored = reader.parse(data, label)
        target = class_index(stored, rule, path, record)
        seed = params.seed, position
        return preprocessing.train_image(encoded, size, seed, params, style), target, position

    stream = raw_training(reader, params, part, first_example, batch_size)
    if params.max_bad_records:
        stream = bad_records.replaced(stream, example, reader, params.max_bad_records,
                                      parts_at_a_time(params))
    else:
        stream = stream.map(example, num_parallel_calls=images_at_a_time(params))
    stream = stream.batch(batch_size, drop_remainder=True)
    return finished(stream.map(lambda *batch: mixed(*batch, params, rule.num_classes),
                               num_parallel_calls=parts_at_a_time(params)))


def evaluation(reader, params, rule, size, style, batch_size, part=Share(1, 0),
               positions=False):
    """Dataset of (features, labels), every example once; see inputs.Inputs.eval_input_fn."""
    def example(position, path, record, data, label):
        encoded, stored = reader.parse(data, label)
        target = class_index(stored, rule, path, record)
        return preprocessing.eval_image(encoded, size, params, style), target, position

    stream = raw_evaluation(reader, params, part)
    if params.max_bad_records:
        stream = bad_records.dropped(stream, example, reader, params.max_bad_records,
                                     parts_at_a_time(params))
    else:
        stream = stream.map(example, num_parallel_calls=images_at_a_time(params))
    stream = stream.batch(batch_size, drop_remainder=False)
    return finished(stream.map(functools.partial(evaluated, positions=positions)))


def evaluated(image, label, position, positions):
    """An evaluation batch as (features, labels), where asked for with labels['position']."""
    return {'image': image}, dict({'label': label}, **{'position': position} if positions else {})


def mixed(image, label, position, params, num_classes):
    """A batch as (features, labels); with mixup or CutMix the labels carry soft targets."""
    if not (params.mixup_alpha or params.cutmix_alpha):
        return {'image': image}, {'label': label}
    seed = params.seed, position[0]
    target = tf.one_hot(label, num_classes, dtype=tf.float32)
    image, target = mixing.mix(image, target, params.mixup_alpha, params.cutmix_alpha, seed)
    return {'image': image}, {'label': label, 'target': target}


def full_batches(dataset, batch_size):
    """Batches of one static size: black images fill up the last; labels['weight'] is 0 for them.

    labels['weight']: float32 [batch], 1 for real images. For devices that compile shapes.
    """
    def fill(features, labels):
        count = tf.shape(labels['label'])[0]

        def filled(tensor):
            tensor = tf.pad(tensor, [[0, batch_size - count]] + [[0, 0]] * (tensor.shape.rank - 1))
            tensor.set_shape([batch_size] + tensor.shape.as_list()[1:])
            return tensor

        labels = dict(labels, weight=tf.ones([count]))
        return ({name: filled(tensor) for name, tensor in features.items()},
                {name: filled(tensor) for name, tensor in labels.items()})

    return finished(dataset.map(fill))


def finished(dataset):
    """Prefetch and options: deterministic, a pool of threads of its own, one thread an op.

    NOTE: the originals let AUTOTUNE choose how many batches are read ahead. It doubles them after
    every pause (an evaluation, a checkpoint) that is followed by a wait, to gigabytes.
    """
    dataset = dataset.prefetch(BATCHES_AHEAD)
    options = tf.data.Options()
    options.experimental_deterministic = True
    threading = options.threading if hasattr(options, 'threading') else (
        options.experimental_threading)
    threading.private_threadpool_size = max(2, min(multiprocessing.cpu_count(), 48))
    threading.max_intra_op_parallelism = 1
    return dataset.with_options(options)
