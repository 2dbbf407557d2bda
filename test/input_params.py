"""Params and tiny data sets for the tests of input/."""

import io
import os
import types

import numpy as np
import tensorflow.compat.v1 as tf

DEFAULTS = dict(
    mode='train_and_eval', seed=0, data_dir=None, dataset=None, train_split='train',
    eval_split='validation', train_batch_size=4, eval_batch_size=4, num_train_images=None,
    num_eval_images=None, label_offset=None, shuffle_buffer=10000, num_parallel_calls=None,
    num_readers=None, use_cache=False, holdout_shards=None, input_image_size=None,
    preprocessing_name=None, augment_name=None, randaug_num_layers=2, randaug_magnitude=10,
    mixup_alpha=0, cutmix_alpha=0, random_erasing=0, use_grayscale=False, max_bad_records=0,
    pixel_mean=None, pixel_std=None, num_label_classes=None, holdout=None, crop_min_area=None,
    balanced_sampling=False, class_weights=None, sources=dict,
    random_flip=None, max_pixels=120_000_000)


def make(**changes):
    """Params with the fields input/ reads."""
    return types.SimpleNamespace(**dict(DEFAULTS, **changes))


def jpeg(value, size=(24, 20), image_format='JPEG', mode='RGB'):
    """An encoded image whose pixels follow from `value`; size is (width, height)."""
    from PIL import Image
    random = np.random.RandomState(value)
    coarse = random.randint(0, 255, (4, 4, 3)).astype(np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.BICUBIC).convert(mode)
    stream = io.BytesIO()
    image.save(stream, image_format)
    return stream.getvalue()


def example(encoded, label, image_key='image/encoded', label_key='image/class/label'):
    """A serialized Example with two keys."""
    feature = {
        image_key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded])),
        label_key: tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def write(path, payloads):
    """A TFRecord file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tf.io.TFRecordWriter(path) as writer:
        for payload in payloads:
            writer.write(payload)
    return path


def shards(root, split, counts, offset=0, keys=(), pattern='{split}-{index:05d}-of-{total:05d}'):
    """Shards of a split; the label of its k-th example is k + offset. Returns the paths."""
    label, paths = offset, []
    for index, count in enumerate(counts):
        name = pattern.format(split=split, index=index, total=len(counts))
        rows = range(label, label + count)
        paths.append(write(os.path.join(str(root), name),
                           [example(jpeg(row), row, *keys) for row in rows]))
        label += count
    return paths


def labels_of(dataset, batches):
    """Labels of the first batches of a dataset, flat."""
    return [label for batch in run(dataset, batches) for label in batch[1]['label'].tolist()]


def session():
    """A session that takes a graph as it is: to optimise one takes longer than to run it here."""
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.Session(config=config)


def run(dataset_fn, batches=None):
    """Batches of `dataset_fn()` built in a graph of its own; all of them with None."""
    found = []
    with tf.Graph().as_default(), session() as opened:
        following = tf.data.make_one_shot_iterator(dataset_fn()).get_next()
        while batches is None or len(found) < batches:
            try:
                found.append(opened.run(following))
            except tf.errors.OutOfRangeError:
                break
    return found
