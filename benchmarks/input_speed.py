"""Images per second of the training and evaluation pipelines alone.

    python benchmarks/input_speed.py --data_dir=DIR [--dataset=folder] [--style=tpu_bilinear]
"""

import argparse
import os
import sys
import time
import types

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

import tensorflow.compat.v1 as tf

from input import Inputs


def arguments(argv):
    """Parsed command line, with the fields of Params that the input package reads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data_dir')
    parser.add_argument('--dataset')
    parser.add_argument('--train_split', default='train')
    parser.add_argument('--eval_split', default='validation')
    parser.add_argument('--style', default='tpu_bilinear')
    parser.add_argument('--image_size', type=int, default=224)
    parser.add_argument('--batch_size', type=int, default=16)
    parser.add_argument('--batches', type=int, default=40)
    parser.add_argument('--num_parallel_calls', type=int)
    parser.add_argument('--num_readers', type=int)
    parser.add_argument('--shuffle_buffer', type=int, default=10000)
    parser.add_argument('--use_cache', action='store_true')
    parser.add_argument('--augment_name')
    parser.add_argument('--mixup_alpha', type=float, default=0.0)
    parser.add_argument('--cutmix_alpha', type=float, default=0.0)
    parser.add_argument('--random_erasing', type=float, default=0.0)
    parser.add_argument('--max_bad_records', type=int, default=0)
    given = vars(parser.parse_args(argv))
    fixed = dict(mode='benchmark', seed=0, train_batch_size=given['batch_size'],
                 num_train_images=None, num_eval_images=None, label_offset=None,
                 holdout_shards=None, input_image_size=None, preprocessing_name=None,
                 randaug_num_layers=2, randaug_magnitude=10, use_grayscale=False,
                 num_label_classes=None, holdout=None, max_pixels=120_000_000)
    return types.SimpleNamespace(**fixed, **given)


def measure(input_fn, batch_size, batches):
    """Images per second after the first batch, the best of three equal parts."""
    with tf.Graph().as_default(), tf.Session() as session:
        iterator = tf.data.make_initializable_iterator(input_fn())
        following = iterator.get_next()
        fetch = [following[0]['image'].op, following[1]['label']]
        session.run(iterator.initializer)
        session.run(fetch)
        speeds = []
        for _ in range(3):
            images, start = 0, time.time()
            for _ in range(max(batches // 3, 1)):
                try:
                    images += len(session.run(fetch)[1])
                except tf.errors.OutOfRangeError:
                    session.run(iterator.initializer)
            speeds.append(images / (time.time() - start))
        return max(speeds)


def main(argv):
    """Prints one line for each split that is there."""
    tf.disable_v2_behavior()
    params = arguments(argv)
    inputs = Inputs(params, params.style, params.image_size, 1000)
    print(inputs.summary())
    splits = {'train': (inputs.num_train_images, inputs.train_input_fn),
              'eval': (inputs.num_eval_images, inputs.eval_input_fn)}
    for name, (images, make) in splits.items():
        if images >= params.batch_size:
            speed = measure(make(params.batch_size), params.batch_size, params.batches)
            print(f'{name}: {speed:.1f} images/s')


if __name__ == '__main__':
    main(sys.argv[1:])
