"""Start-up and resuming on a data set of ImageNet's counts: 1,024 shards, 1.28 million records.

    python benchmarks/imagenet_scale.py --data_dir=EMPTY_OR_OLD [--shards=1024] [--each=1251]

The records are tiny, so that they fit anywhere; what is measured is what depends on their number.
Without a dataset.json: the first start counts the records, the second finds the counts.
"""

import argparse
import io
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

import numpy as np
import tensorflow.compat.v1 as tf

import flags
from input import Inputs, example_order
from input.records import example, tfrecord


def make(folder, shards, each):
    """Writes the shards unless they are there."""
    from PIL import Image
    out = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(out, 'JPEG')
    rows = [example.encode_example({'image/encoded': out.getvalue(), 'image/class/label': label})
            for label in range(1, 1001)]
    os.makedirs(folder, exist_ok=True)
    for index in range(shards):
        path = os.path.join(folder, f'train-{index:05d}-of-{shards:05d}')
        if not os.path.exists(path):
            with tfrecord.Writer(path) as writer:
                for record in range(each):
                    writer.write(rows[(index * each + record) % 1000])


def bytes_read():
    """Bytes this process has read so far, from the cache or not (Linux)."""
    with open('/proc/self/io', encoding='utf-8') as stream:
        return int(stream.readline().split()[1])


def first_of(reader, params, first):
    """(seconds, bytes) until the raw example number `first` is there."""
    with tf.Graph().as_default(), tf.Session() as session:
        stream = example_order.raw_training(reader, params, example_order.part_of(None), first)
        following = tf.data.make_one_shot_iterator(stream).get_next()[0]
        start, before = time.time(), bytes_read()
        assert session.run(following) == first
        return time.time() - start, bytes_read() - before


def main(argv):
    """Prints the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data_dir', required=True)
    parser.add_argument('--shards', type=int, default=1024)
    parser.add_argument('--each', type=int, default=1251)
    given = parser.parse_args(argv)
    tf.disable_v2_behavior()
    start = time.time()
    make(given.data_dir, given.shards, given.each)
    print(f'made in {time.time() - start:.1f} s')
    params = flags.make(model_name='mixnet-s', mode='train', data_dir=given.data_dir)
    for name in ('a start', 'a later start'):
        start = time.time()
        inputs = Inputs(params, 'tpu_bilinear', 224, 1000)
        print(f'{name}: {time.time() - start:.1f} s, {inputs.num_train_images:,} examples')
    reader = inputs._readers['train']
    total = sum(os.path.getsize(shard.path) for shard in reader.shards)
    for share in (0, 0.25, 0.5, 0.999):
        seconds, read = first_of(reader, params, int(reader.count * share))
        print(f'first example at {share:.1%} of an epoch: {seconds:.1f} s, '
              f'{read / total:.1%} of the data read')


if __name__ == '__main__':
    main(sys.argv[1:])
