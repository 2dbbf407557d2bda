"""Images per second of the input pipelines alone, each augmentation's cost, and the bare minimum.

    python benchmarks/input_speed.py --data_dir=DIR [--dataset=folder] [--style=tpu_bilinear]

`bare` is a fused decode-and-crop and a resize of the same TFRecords without a shuffle, a label or
a seed. Processor microseconds are those of all threads an image; they mean something on a busy
machine too.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import tensorflow.compat.v1 as tf

import flags
from input import Inputs

# What is added to the plain training pipeline.
AUGMENTATIONS = {
    'training': {},
    'autoaugment': {'augment_name': 'autoaugment'},
    'randaugment': {'augment_name': 'randaugment'},
    'mixup': {'mixup_alpha': 0.2},
    'cutmix': {'cutmix_alpha': 1.0},
    'random erasing': {'random_erasing': 0.25},
}
WHOLE = [[[0.0, 0.0, 1.0, 1.0]]]


def arguments(argv):
    """Parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--data_dir')
    parser.add_argument('--dataset')
    parser.add_argument('--style', default='tpu_bilinear')
    parser.add_argument('--image_size', type=int, default=224)
    parser.add_argument('--batch_size', type=int, default=16)
    parser.add_argument('--seconds', type=float, default=4)
    parser.add_argument('--num_parallel_calls', type=int, default=os.cpu_count())
    return parser.parse_args(argv)


def params_of(given, **more):
    """Params of the data alone."""
    return flags.make(mode='benchmark', model_name='mixnet-s', data_dir=given.data_dir,
                      dataset=given.dataset, train_batch_size=given.batch_size,
                      num_parallel_calls=given.num_parallel_calls, **more)


def bare(reader, given):
    """Dataset of image batches of a reader of TFRecords."""
    def decoded(record):
        encoded, _ = reader.parse(record, None)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.image.extract_jpeg_shape(encoded), tf.constant(WHOLE), min_object_covered=0.1,
            aspect_ratio_range=(3 / 4, 4 / 3), area_range=(0.08, 1.0), max_attempts=10)
        image = tf.image.decode_and_crop_jpeg(
            encoded, tf.stack([begin[0], begin[1], size[0], size[1]]), channels=3)
        return tf.image.resize_bilinear(image[tf.newaxis], [given.image_size] * 2)[0]

    files = [shard.path for shard in reader.shards]
    return tf.data.TFRecordDataset(files).repeat().map(decoded, given.num_parallel_calls).batch(
        given.batch_size, drop_remainder=True).prefetch(2)


def measure(make, given):
    """(images per second, processor microseconds an image) of a dataset after a few batches."""
    with tf.Graph().as_default(), tf.Session() as session:
        iterator = tf.data.make_initializable_iterator(make())
        first = tf.nest.flatten(iterator.get_next())[0].op
        session.run(iterator.initializer)
        for _ in range(4):
            session.run(first)
        images, start, before = 0, time.time(), time.process_time()
        while time.time() - start < given.seconds:
            try:
                session.run(first)
                images += given.batch_size
            except tf.errors.OutOfRangeError:
                session.run(iterator.initializer)
        return images / (time.time() - start), (time.process_time() - before) / images * 1e6


def pipelines(given):
    """Yields (name, function that makes the dataset)."""
    def opened(**more):
        return Inputs(params_of(given, **more), given.style, given.image_size, 1000)

    inputs = opened()
    print(inputs.summary())
    if given.dataset in (None, 'tfrecord'):
        yield 'bare', lambda: bare(inputs._readers['train'], given)
    for name, more in AUGMENTATIONS.items():
        yield name, opened(**more).train_input_fn(given.batch_size)
    if inputs.num_eval_images >= given.batch_size:
        yield 'evaluation', inputs.eval_input_fn(given.batch_size)


def main(argv):
    """Prints one line a pipeline."""
    tf.disable_v2_behavior()
    given = arguments(argv)
    print(f'TensorFlow {tf.version.VERSION}, {given.num_parallel_calls} threads')
    for name, make in pipelines(given):
        speed, cpu = measure(make, given)
        print(f'{name:15} {speed:8.0f} images/s {cpu:8.0f} processor us an image', flush=True)


if __name__ == '__main__':
    main(sys.argv[1:])
