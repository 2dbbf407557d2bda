"""--dataset=synthetic: random pixels made in the graph, to measure everything but the input."""

import tensorflow.compat.v1 as tf

TRAIN_IMAGES = 1024
EVAL_IMAGES = 256


def batches(count, size, classes, batch_size, seed, part, first_example=None):
    """Dataset of (image, label, position) batches.

    One batch of standard normal images is drawn once and reused; the label of position p is
    p modulo `classes`. With `first_example` the stream is endless and starts there, without it
    the stream ends after `count` examples, the last batch as small as it comes.
    """
    endless = first_example is not None
    first = first_example // part.pipelines if endless else 0
    own = len(range(part.pipeline, count, part.pipelines))
    rows = min(batch_size, batch_size if endless else max(own, 1))
    images = tf.data.Dataset.range(1).map(lambda zero: tf.random.stateless_normal(
        [rows, size, size, 3], seed=[seed, zero])).cache().repeat()

    def batch(start, image):
        end = start + batch_size if endless else tf.minimum(start + batch_size, own)
        positions = tf.range(start, end) * part.pipelines + part.pipeline
        image = image if endless else image[:tf.cast(end - start, tf.int32)]
        return image, positions % classes, positions
    starts = tf.data.Dataset.range(first, 1 << 62 if endless else own, batch_size)
    dataset = tf.data.Dataset.zip((starts, images)).map(batch)
    if not endless:
        return dataset
    return dataset.map(lambda image, label, position: (
        image, tf.ensure_shape(label, [batch_size]), tf.ensure_shape(position, [batch_size])))
