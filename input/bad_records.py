"""--max_bad_records: bad examples are replaced (training) or left out (evaluation), and counted.

Bad is what cannot be decoded or has a label out of range; damage of the TFRecord framing is not
covered, because what follows it in the file is lost. In training a bad example's place in the
stream is taken by one of a few good examples found at start, chosen by the position, so that the
stream stays a pure function of seed and position. The budget holds for one pass over the data of
one process, because the same bad image comes back every epoch.
"""

import tensorflow.compat.v1 as tf

from common.errors import DataError
from input import diagnosis

SPARE = 8
CHUNK = 16


def _good_examples(reader):
    """Up to SPARE raw examples (path, record, payload, label) that decode."""
    found = []
    with diagnosis.ImageCheck() as check:
        for path, record, data in reader.sample():
            encoded, label = reader.image_and_label(path, record, data)
            if check(encoded) is None:
                found.append((path, record, data, label))
            if len(found) == SPARE:
                break
    if not found:
        raise DataError(f'{reader.shards[0].path}: none of the sampled images can be decoded')
    return found


def _counted(count, budget):
    """Scan function; its state is (pass over the data, bad examples in it)."""
    def step(state, item):
        (image, label, position), number, path, record = item
        epoch = position // count
        bad = tf.where(tf.equal(epoch, state[0]), state[1], tf.zeros_like(number)) + number
        within = tf.raw_ops.Assert(condition=bad <= budget, data=[
            tf.constant('more bad records than --max_bad_records'), tf.constant('file'), path,
            tf.constant('record'), record, tf.constant('count'), bad], summarize=3)
        with tf.control_dependencies([within]):
            said = tf.cond(
                number > 0,
                lambda: tf.print('WARNING: bad image', bad, 'of at most', budget, 'in this pass:',
                                 path, 'record', record),
                tf.no_op)
        with tf.control_dependencies([said]):
            return tf.stack([epoch, bad]), (image, label, position, tf.identity(number))
    return step


def _decoder(example, spare):
    """Map function over chunks of raw examples, with good ones in the place of bad ones.

    Nested datasets give errors one by one, and starting one costs milliseconds in TensorFlow 1.15,
    hence chunks. A good example is appended to each, so that there is a result when all are bad.
    """
    single = tf.data.experimental.get_single_element

    def decoded(position, *raw):
        rows = tuple(tf.concat([column, good[:1]], 0) for column, good in zip(raw, spare))
        tries = tf.data.Dataset.from_tensor_slices(
            (tf.concat([position, [-1]], 0),) + rows).map(example)
        tries = tries.apply(tf.data.experimental.ignore_errors())
        image, label, kept = [column[:-1] for column in single(tries.batch(CHUNK + 1))]
        bad = tf.logical_not(tf.reduce_any(tf.equal(position[:, tf.newaxis], kept), 1))

        missing = tf.boolean_mask(position, bad)
        pick = missing % tf.size(spare[0], out_type=tf.int64)
        others = tf.data.Dataset.from_tensor_slices(
            (missing,) + tuple(tf.gather(column, pick) for column in spare)).map(example)
        image, label, kept = single(tf.data.Dataset.from_tensor_slices(
            (image, label, kept)).concatenate(others).batch(CHUNK))
        order = tf.argsort(kept)
        items = tuple(tf.gather(column, order) for column in (image, label, kept))
        return items, tf.cast(bad, tf.int64), raw[0], raw[1]
    return decoded


def _attempts(stream, example, reader, budget, calls):
    """Raw examples to (image, label, position, 0 or 1 for a replacement)."""
    spare = [tf.constant(list(column)) for column in zip(*_good_examples(reader))]
    spare = [tf.cast(column, tf.int64) if column.dtype.is_integer else column for column in spare]
    tried = stream.batch(CHUNK).map(_decoder(example, spare), num_parallel_calls=calls)
    return tried.apply(tf.data.experimental.unbatch()).apply(tf.data.experimental.scan(
        tf.constant([0, 0], tf.int64), _counted(reader.count, budget)))


def replaced(stream, example, reader, budget, calls):
    """Training: (image, label, position) with good examples in the place of bad ones."""
    return _attempts(stream, example, reader, budget, calls).map(lambda *item: item[:3])


def dropped(stream, example, reader, budget, calls):
    """Evaluation: (image, label, position) without the bad examples."""
    kept = _attempts(stream, example, reader, budget, calls).filter(
        lambda image, label, position, number: tf.equal(number, 0))
    return kept.map(lambda *item: item[:3])
