"""--max_bad_records: bad examples are replaced (training) or left out (evaluation), and counted.

Bad is what cannot be decoded or has a label out of range; damage of the TFRecord framing is not
covered, because what follows it in the file is lost. In training a bad example's place in the
stream is taken by one of a few good examples found at start, chosen by the position, so that the
stream stays a pure function of seed and position. The budget holds for one pass over the data of
one process, because the same bad image comes back every epoch.
"""

import tensorflow.compat.v1 as tf

from input import checking
from input.errors import DataError

SPARE = 8


def _good_examples(reader):
    """Up to SPARE raw examples (path, record, payload, label) that decode."""
    found = []
    with checking.ImageCheck() as check:
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


def _attempts(stream, example, reader, budget, calls):
    """Raw examples to (image, label, position, 0 or 1 for a replacement)."""
    spare = [tf.constant(list(column)) for column in zip(*_good_examples(reader))]
    spare = [tf.cast(column, tf.int64) if column.dtype.is_integer else column for column in spare]

    def decoded(position, *raw):
        pick = position % tf.size(spare[0], out_type=tf.int64)
        tries = tf.data.Dataset.from_tensor_slices(
            tuple(tf.stack([own, column[pick]]) for own, column in zip(raw, spare)))
        numbered = tf.data.Dataset.zip((tf.data.Dataset.range(2), tries)).map(
            lambda number, one: (example(position, *one), number, raw[0], raw[1]))
        return tf.data.experimental.get_single_element(
            numbered.apply(tf.data.experimental.ignore_errors()).take(1))

    tried = stream.map(decoded, num_parallel_calls=calls)
    return tried.apply(tf.data.experimental.scan(
        tf.constant([0, 0], tf.int64), _counted(reader.count, budget)))


def replaced(stream, example, reader, budget, calls):
    """Training: (image, label, position) with good examples in the place of bad ones."""
    return _attempts(stream, example, reader, budget, calls).map(lambda *item: item[:3])


def dropped(stream, example, reader, budget, calls):
    """Evaluation: (image, label, position) without the bad examples."""
    kept = _attempts(stream, example, reader, budget, calls).filter(
        lambda image, label, position, number: tf.equal(number, 0))
    return kept.map(lambda *item: item[:3])
