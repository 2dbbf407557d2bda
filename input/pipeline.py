"""The dataset graph: raw examples in a fixed order, then decoded, augmented and batched.

The training stream is a pure function of (seed, epoch, position): the order of shards and the
shuffle buffer of an epoch are seeded by (seed, epoch), each example carries its position in the
whole stream, and its random draws come from (seed, position). So a stream that starts at example n
equals one that started at 0 and was read n times, whatever the number of threads.
"""

import multiprocessing
from collections import namedtuple

import tensorflow.compat.v1 as tf

from input import bad_records, preprocessing
from input.augment import mixing
from input.stateless import fold

FOREVER = 1 << 62
MAX_BUFFER_BYTES = 1 << 30
MIN_BUFFER = 1024

# pipelines and pipeline: number of input pipelines (workers) and which one this is.
Part = namedtuple('Part', 'pipelines pipeline')
Raw = namedtuple('Raw', 'position path record data label')


def part_of(context):
    """The Part of a tf.distribute.InputContext or None."""
    if context is None:
        return Part(1, 0)
    return Part(context.num_input_pipelines, context.input_pipeline_id)


def parallelism(params):
    """Threads of the decoding map."""
    return params.num_parallel_calls or tf.data.experimental.AUTOTUNE


def own_share(reader, part, exact):
    """(reader of this pipeline, whether records still have to be dealt out one by one).

    Shards are dealt out when every pipeline gets some and, with `exact` False (training), shares
    differ by less than 1 %; otherwise each pipeline reads all and takes every n-th record.
    """
    if part.pipelines == 1:
        return reader, False
    number = len(reader.shards)
    shares = [sum(shard.count for shard in reader.shards[start::part.pipelines])
              for start in range(part.pipelines)]
    even = max(shares) - min(shares) <= 0.01 * max(shares)
    if number >= part.pipelines and (exact or even):
        return reader.select(range(part.pipeline, number, part.pipelines)), False
    return reader, True


def _interleaved(reader, order, params):
    """Raw examples of the shards in `order`, several files at a time, deterministic.

    The files read ahead by themselves. (The parallel interleave of TensorFlow 1.15 inside a
    flat_map crashes the process when its session closes.)
    """
    cycle = max(1, min(params.num_readers or 16, len(reader.shards)))
    return order.interleave(reader.read, cycle_length=cycle, block_length=1)


def _buffer_size(reader, params):
    """Shuffle buffer in examples: what is asked for, within 1 GiB and the size of the data."""
    affordable = max(MIN_BUFFER, int(MAX_BUFFER_BYTES / max(reader.mean_bytes(), 1)))
    return max(1, min(params.shuffle_buffer or reader.count, affordable, reader.count))


def _shuffled_epochs(reader, params, first):
    """Endless raw examples: each epoch every example once, in an order of its own."""
    start, skipped = first // reader.count, first % reader.count
    buffer_size = reader.count if params.use_cache else _buffer_size(reader, params)
    seed = tf.constant(params.seed, tf.int64)

    def one_epoch(epoch, examples):
        mixed = fold(tf.stack([seed, epoch]), 'epoch')
        examples = examples.shuffle(buffer_size, seed=mixed[0] + mixed[1] * 1000003,
                                    reshuffle_each_iteration=False)
        return examples.skip(tf.where(tf.equal(epoch, start), tf.constant(skipped, tf.int64),
                                      tf.constant(0, tf.int64)))

    def files_of(epoch):
        draws = tf.random.stateless_uniform(
            [len(reader.shards)], seed=fold(tf.stack([seed, epoch]), 'shards'))
        order = tf.data.Dataset.from_tensor_slices(tf.argsort(draws))
        return one_epoch(epoch, _interleaved(reader, order, params))

    epochs = tf.data.Dataset.range(start, FOREVER)
    if not params.use_cache:
        return epochs.flat_map(files_of)
    kept = in_order(reader, params).cache().repeat().window(reader.count)
    return tf.data.Dataset.zip((epochs, kept)).flat_map(
        lambda epoch, window: one_epoch(epoch, tf.data.Dataset.zip(window)))


def in_order(reader, params):
    """Every raw example once, in the order of the shards."""
    return _interleaved(reader, tf.data.Dataset.range(len(reader.shards)), params)


def _positioned(examples, start, step):
    """Attaches the position in the whole stream to each raw example."""
    positions = tf.data.Dataset.range(start, FOREVER, step)
    return tf.data.Dataset.zip((positions, examples)).map(lambda position, raw: (position,) + raw)


def raw_training(reader, params, part, first_example):
    """Endless (position, path, record, data, label) of this pipeline from `first_example` on.

    `first_example` counts the examples that all pipelines together have used.
    """
    own, by_record = own_share(reader, part, exact=False)
    if by_record:
        stream = _positioned(_shuffled_epochs(own, params, first_example), first_example, 1)
        turn = (part.pipeline - first_example) % part.pipelines
        return stream.shard(part.pipelines, turn)
    first = first_example // part.pipelines
    return _positioned(_shuffled_epochs(own, params, first),
                       first * part.pipelines + part.pipeline, part.pipelines)


def raw_evaluation(reader, params, part):
    """(position, path, record, data, label) of every example of this pipeline, once."""
    own, by_record = own_share(reader, part, exact=True)
    stream = in_order(own, params)
    if by_record:
        stream = stream.shard(part.pipelines, part.pipeline)
    return _positioned(stream, part.pipeline, part.pipelines)


def class_index(label, rule, path, record):
    """Stored label to the model's class; the graph fails with file and record otherwise."""
    index = label - rule.offset
    valid = tf.logical_and(index >= 0, index < rule.classes)
    check = tf.raw_ops.Assert(condition=valid, data=[
        tf.constant('label out of range'), tf.constant('file'), path, tf.constant('record'),
        record, tf.constant('label'), label], summarize=3)
    with tf.control_dependencies([check]):
        return index + rule.background


def training(reader, params, rule, size, style, batch_size, part=Part(1, 0), first_example=0):
    """Endless dataset of (features, labels); see inputs.Inputs.train_input_fn."""
    def example(position, path, record, data, label):
        encoded, stored = reader.parse(data, label)
        target = class_index(stored, rule, path, record)
        seed = tf.stack([tf.constant(params.seed, tf.int64), position])
        return preprocessing.train_image(encoded, size, seed, params, style), target, position

    stream = raw_training(reader, params, part, first_example)
    if params.max_bad_records:
        stream = bad_records.replaced(stream, example, reader, params.max_bad_records,
                                     parallelism(params))
    else:
        stream = stream.map(example, num_parallel_calls=parallelism(params))
    stream = stream.batch(batch_size, drop_remainder=True)
    return finished(stream.map(lambda *batch: mixed(*batch, params, rule.num_classes)))


def evaluation(reader, params, rule, size, style, batch_size, part=Part(1, 0)):
    """Dataset of (features, labels), every example once; see inputs.Inputs.eval_input_fn."""
    def example(position, path, record, data, label):
        encoded, stored = reader.parse(data, label)
        target = class_index(stored, rule, path, record)
        return preprocessing.eval_image(encoded, size, params, style), target, position

    stream = raw_evaluation(reader, params, part)
    if params.max_bad_records:
        stream = bad_records.dropped(stream, example, reader, params.max_bad_records,
                                    parallelism(params))
    else:
        stream = stream.map(example, num_parallel_calls=parallelism(params))
    stream = stream.batch(batch_size, drop_remainder=False)
    return finished(stream.map(
        lambda image, label, position: ({'image': image}, {'label': label})))


def mixed(image, label, position, params, num_classes):
    """A batch as (features, labels); with mixup or CutMix the labels carry soft targets."""
    if not (params.mixup_alpha or params.cutmix_alpha):
        return {'image': image}, {'label': label}
    seed = tf.stack([tf.constant(params.seed, tf.int64), position[0]])
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
    """Prefetch and options: deterministic, a pool of threads of its own, one thread an op."""
    dataset = dataset.prefetch(tf.data.experimental.AUTOTUNE)
    options = tf.data.Options()
    options.experimental_deterministic = True
    threading = options.threading if hasattr(options, 'threading') else (
        options.experimental_threading)
    threading.private_threadpool_size = max(2, min(multiprocessing.cpu_count(), 48))
    threading.max_intra_op_parallelism = 1
    return dataset.with_options(options)
