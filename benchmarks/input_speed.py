"""Images per second of the input pipelines alone, each augmentation's cost, and the bare minimum.

    python benchmarks/input_speed.py --data_dir=DIR [--dataset=folder] [--style=tpu_bilinear] \\
        [--original=FOLDER] [--only=bare,training,original]

`bare` is a fused decode-and-crop and a resize of the same TFRecords without a shuffle, a label or
a seed; `bare evaluation` the same of the evaluation images with the central crop, which has more
pixels than most random ones; `original` the training input of FOLDER/models/official/mnasnet of
tensorflow/tpu, which leaves the normalisation to its model: `original normalised` does that, too,
as ours does. They take turns for --rounds; the last column is the speed beside the first
pipeline's (of `evaluation`, beside the bare one's), the median over the rounds. Processor
microseconds are those of all threads an image; they mean something on a busy machine too. A turn
counts after half of --seconds and ends with nothing read ahead. Both evaluations begin again when
the images are used up; that does not count.
"""

import argparse
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import tensorflow.compat.v1 as tf

import flags
from input import Inputs, pipeline
from input.images import crop

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
BARE_EVALUATION = 'bare evaluation'


def arguments(argv):
    """Parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--data_dir')
    parser.add_argument('--dataset')
    parser.add_argument('--style', default='tpu_bilinear')
    parser.add_argument('--image_size', type=int, default=224)
    parser.add_argument('--batch_size', type=int, default=16)
    parser.add_argument('--seconds', type=float, default=2)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--original', metavar='FOLDER')
    parser.add_argument('--only', help='names of pipelines, with commas')
    parser.add_argument('--num_parallel_calls', type=int, help='default: as in training')
    return parser.parse_args(argv)


def params_of(given, **more):
    """Params of the data alone."""
    return flags.make(mode='benchmark', model_name='mixnet-s', data_dir=given.data_dir,
                      dataset=given.dataset, train_batch_size=given.batch_size,
                      num_parallel_calls=given.num_parallel_calls, **more)


def random_window(shape, given):
    """TensorFlow's own random crop of an image of a shape."""
    del given
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        shape, tf.constant(WHOLE), min_object_covered=0.1, aspect_ratio_range=(3 / 4, 4 / 3),
        area_range=(0.08, 1.0), max_attempts=10)
    return tf.stack([begin[0], begin[1], size[0], size[1]])


def central_window(shape, given):
    """The crop of an evaluation."""
    return crop.padded_center(shape[0], shape[1], given.image_size)


def bare(reader, given, window):
    """Dataset of image batches of a reader of TFRecords, every image once."""
    def decoded(record):
        encoded, _ = reader.parse(record, None)
        image = tf.image.decode_and_crop_jpeg(
            encoded, window(tf.image.extract_jpeg_shape(encoded), given), channels=3)
        return tf.image.resize_bilinear(image[tf.newaxis], [given.image_size] * 2)[0]

    files, calls = [shard.path for shard in reader.shards], given.num_parallel_calls
    files = tf.data.TFRecordDataset(files)
    if window is random_window:
        files = files.repeat()
    return files.map(decoded, calls or os.cpu_count()).batch(given.batch_size).prefetch(2)


def original(given):
    """Dataset of the TPU models' training batches, and what their models do to the images first."""
    sys.path.insert(0, os.path.join(given.original, 'models', 'official', 'mnasnet'))
    import imagenet_input
    source = imagenet_input.ImageNetInput(
        is_training=True, use_bfloat16=False, transpose_input=False, data_dir=given.data_dir,
        image_size=given.image_size)

    def normalised(images):
        return (images - tf.constant(imagenet_input.MEAN_RGB, shape=[1, 1, 3])) / tf.constant(
            imagenet_input.STDDEV_RGB, shape=[1, 1, 3])
    return lambda: source.input_fn({'batch_size': given.batch_size}), normalised


class Pipeline:
    """A dataset that gives batches when told."""

    def __init__(self, name, make, given, after=tf.identity):
        self.name, self._given, self.speeds, self.cpu = name, given, [], []
        graph = tf.Graph()
        with graph.as_default():
            iterator = tf.data.make_initializable_iterator(make())
            first = after(tf.nest.flatten(iterator.get_next())[0])
            self._fetched = tf.shape(first)[0], first.op    # the size may be a constant
        self._session, self._begin = tf.Session(graph=graph), iterator.initializer
        self._session.run(self._begin)

    def work(self):
        """One turn, after which nothing is read ahead: the others have the machine."""
        self._read(self._given.seconds / 2)
        images, seconds, cpu = self._read(self._given.seconds)
        self._session.run(self._begin)
        self.speeds.append(images / seconds)
        self.cpu.append(cpu / images * 1e6)

    def _read(self, seconds):
        """(images, seconds, processor seconds) of reading; beginning again does not count."""
        images = spent = cpu = 0
        while spent < seconds:
            start, before = time.time(), time.process_time()
            try:
                images += self._session.run(self._fetched)[0]
            except tf.errors.OutOfRangeError:
                self._session.run(self._begin)
                continue
            spent += time.time() - start
            cpu += time.process_time() - before
        return images, spent, cpu


def pipelines(given):
    """Yields (name, function that makes the dataset) and perhaps what is done to its images."""
    def opened(**more):
        return Inputs(params_of(given, **more), given.style, given.image_size, 1000)

    inputs = opened()
    print(inputs.summary())
    if given.dataset in (None, 'tfrecord'):
        yield 'bare', lambda: bare(inputs._readers['train'], given, random_window)
    if given.original:
        make, normalised = original(given)
        yield 'original', make
        yield 'original normalised', make, normalised
    for name, more in AUGMENTATIONS.items():
        yield name, opened(**more).train_input_fn(given.batch_size)
    if inputs.num_eval_images:
        if given.dataset in (None, 'tfrecord'):
            yield BARE_EVALUATION, lambda: bare(inputs._readers['eval'], given, central_window)
        yield 'evaluation', lambda: inputs.eval_input_fn(given.batch_size)()


def main(argv):
    """Prints one line a pipeline."""
    tf.disable_v2_behavior()
    given = arguments(argv)
    calls = given.num_parallel_calls or f'{pipeline.IN_FLIGHT} or more'
    print(f'TensorFlow {tf.version.VERSION}, {os.cpu_count()} processors, {calls} images at a time')
    only = given.only and given.only.split(',')
    entered = [Pipeline(name, make, given, *after) for name, make, *after in pipelines(given)
               if not only or name in only]
    for _ in range(given.rounds):
        for one in entered:
            one.work()
    for one in entered:
        other = next((bare_one for bare_one in entered if one.name == 'evaluation'
                      and bare_one.name == BARE_EVALUATION), entered[0])
        beside = statistics.median(a / b for a, b in zip(one.speeds, other.speeds))
        print(f'{one.name:20} {statistics.median(one.speeds):8.0f} images/s '
              f'({min(one.speeds):.0f} to {max(one.speeds):.0f}) '
              f'{statistics.median(one.cpu):8.0f} processor us an image '
              f'{beside:6.2f} of {other.name}', flush=True)


if __name__ == '__main__':
    main(sys.argv[1:])
