"""The order in which examples are read, shuffled and shared out, before anything is decoded.

The training stream is a pure function of (seed, epoch, position): the order of shards and the
shuffle buffer of an epoch are seeded by (seed, epoch), and each example carries its position in the
whole stream. So a stream that starts at example n equals one that started at 0 and was read n
times. A large epoch is shuffled in segments, runs of shards, so that a start in its middle does not
read what lies before.
"""

import collections
from collections import namedtuple

import tensorflow.compat.v1 as tf

from input import balance
from input.stateless import fold

FOREVER = 1 << 62
MAX_BUFFER_BYTES = 1 << 30
MIN_BUFFER = 1024
SEGMENT_BUFFERS = 4      # shuffle buffers in the part of an epoch that is shuffled by itself

# pipelines and pipeline: number of input pipelines (workers) and which one this is.
Share = namedtuple('Share', 'pipelines pipeline')


def part_of(context):
    """The Share of a tf.distribute.InputContext or None."""
    if context is None:
        return Share(1, 0)
    return Share(context.num_input_pipelines, context.input_pipeline_id)


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


def _interleaved(reader, order, params, read=None):
    """Raw examples of the shards in `order`, several files at a time, deterministic.

    read: function(shard) of its raw examples, when not the reader's own.

    The files read ahead by themselves. (The parallel interleave of TensorFlow 1.15 inside a
    flat_map crashes the process when its session closes.)
    """
    return order.interleave(read or reader.read, block_length=1,
                            cycle_length=files_at_a_time(reader, params))


def files_at_a_time(reader, params):
    """Files read at a time."""
    return max(1, min(params.num_readers or 16, len(reader.shards)))


def _buffer_size(reader, params):
    """Shuffle buffer in examples: what is asked for, within 1 GiB and the size of the data."""
    affordable = max(MIN_BUFFER, int(MAX_BUFFER_BYTES / max(reader.mean_bytes(), 1)))
    return max(1, min(params.shuffle_buffer or reader.count, affordable, reader.count))


def number_of_segments(reader, params, buffer_size):
    """In how many runs of shards, each shuffled by itself, an epoch is read.

    A run that starts in the middle of an epoch reads one segment at most to be there: enough shards
    to fill the shuffle buffer a few times, and as many as are open at a time.
    """
    return max(1, min(reader.count // (SEGMENT_BUFFERS * buffer_size),
                      len(reader.shards) // files_at_a_time(reader, params)))


def _shuffled_epochs(reader, params, first):
    """Endless raw examples: each epoch every example once, in an order of its own."""
    even = balance.balanced(reader) if params.balanced_sampling else None
    length = even.epoch if even else reader.count
    start, skipped = first // length, first % length
    buffer_size = reader.count if params.use_cache else _buffer_size(reader, params)
    seed = tf.constant(params.seed, tf.int64)

    def shuffled(examples, epoch, segment):
        mixed = fold(tf.stack([seed, epoch]), 'epoch')
        return examples.shuffle(buffer_size, seed=mixed[0] + (mixed[1] + segment) * 1000003,
                                reshuffle_each_iteration=False)

    def to_skip(epoch):
        return tf.where(tf.equal(epoch, start), tf.constant(skipped, tf.int64),
                        tf.constant(0, tf.int64))

    def segments_of(epoch):
        draws = tf.random.stateless_uniform(
            [len(reader.shards)], seed=fold(tf.stack([seed, epoch]), 'shards'))
        order = tf.argsort(draws)
        if even:
            shards = tf.data.Dataset.from_tensor_slices(order)
            examples = _interleaved(reader, shards, params, lambda shard: even.read(epoch, shard))
            return shuffled(examples, epoch, 0).skip(to_skip(epoch))
        return _in_segments(reader, params, order, to_skip(epoch), buffer_size,
                            lambda examples, segment: shuffled(examples, epoch, segment))

    epochs = tf.data.Dataset.range(start, FOREVER)
    if not params.use_cache:
        return epochs.flat_map(segments_of)
    kept = in_order(reader, params).cache().repeat().window(reader.count)
    return tf.data.Dataset.zip((epochs, kept)).flat_map(
        lambda epoch, window: shuffled(tf.data.Dataset.zip(window), epoch, 0).skip(to_skip(epoch)))


def _in_segments(reader, params, order, skipped, buffer_size, shuffled):
    """Raw examples of one epoch from number `skipped` on; segments before it are not read.

    Args:
        order: shards in the order of this epoch, int32.
        skipped: int64 scalar.
        buffer_size: examples in the shuffle buffer.
        shuffled: function(examples, segment) of a segment's examples.
    """
    segments = number_of_segments(reader, params, buffer_size)
    bounds = tf.constant([len(reader.shards) * number // segments
                          for number in range(segments + 1)], tf.int64)
    counts = tf.gather(tf.constant([shard.count for shard in reader.shards], tf.int64), order)
    begins = tf.gather(tf.concat([[0], tf.cumsum(counts)], 0), bounds)

    def examples_of(segment):
        files = tf.data.Dataset.from_tensor_slices(order[bounds[segment]:bounds[segment + 1]])
        examples = shuffled(_interleaved(reader, files, params), segment)
        return examples.skip(tf.maximum(skipped - begins[segment], 0))
    before = tf.reduce_sum(tf.cast(begins[1:] <= skipped, tf.int64))
    return tf.data.Dataset.range(before, segments).flat_map(examples_of)


def in_order(reader, params):
    """Every raw example once, in the order of the shards."""
    return _interleaved(reader, tf.data.Dataset.range(len(reader.shards)), params)


def shards_and_records(counts, cycle):
    """(shard, record) in the order of `in_order`, outside any graph.

    counts: examples of each shard; cycle: files read at a time. A shard that has ended gives its
    place to the next one, which is read from the next round on, as tf.data's interleave does.
    """
    coming, places = collections.deque(range(len(counts))), [None] * cycle
    while coming or any(place is not None for place in places):
        for number, place in enumerate(places):
            if place is None and coming:
                place = places[number] = [coming.popleft(), 0]
            if place is None:
                continue
            shard, record = place
            if record == counts[shard]:
                places[number] = None
            else:
                place[1] += 1
                yield shard, record


def _positioned(examples, start, step):
    """Attaches the position in the whole stream to each raw example."""
    positions = tf.data.Dataset.range(start, FOREVER, step)
    return tf.data.Dataset.zip((positions, examples)).map(lambda position, raw: (position,) + raw)


def raw_training(reader, params, part, first_example, batch_size=1):
    """Endless (position, path, record, data, label) of this pipeline from `first_example` on.

    `first_example` counts the examples that all pipelines together have used. Examples that are
    dealt out one by one go to the pipelines in batches, as they go to the replicas of one pipeline.
    """
    own, by_record = own_share(reader, part, exact=False)
    if by_record:
        stream = _positioned(_shuffled_epochs(own, params, first_example), first_example, 1)
        return stream.filter(lambda position, *_: tf.equal(
            (position - first_example) // batch_size % part.pipelines, part.pipeline))
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
