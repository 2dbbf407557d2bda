"""CondConv for the whole batch against one convolution an example: medians of alternating runs.

    python benchmarks/condconv_speed.py [--batch=16] [--rounds=7] [--model_name=...]

whole batch   the network of this project
unrolled      its twin with one convolution an example; every other layer shared
original      the twin with the original's other layers too: unfused batch norm in training, and
              tf.nn.swish
no experts    EfficientNet-B0: the same layers with one kernel for all examples, which no way of
              computing CondConv can undercut

Wall-clock seconds and processor seconds of all threads are medians over the rounds; on a machine
that does other work too, only the ratios mean something, and those of the processor seconds more
than those of the clock.
"""

import argparse
import functools
import os
import statistics
import sys
import time
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, 'test')]

import condconv_unrolled
import numpy as np
import tensorflow.compat.v1 as tf

from models import condconv, efficientnet, get_network, layers, mbconv

# form: (convolutions, replaced layers)
FORMS = {
    'whole batch': (condconv.convolutions, {}),
    'unrolled': (condconv_unrolled.convolutions, {}),
    'original': (condconv_unrolled.convolutions, {
        'batch_norm': condconv_unrolled.batch_norm,
        'ACTIVATIONS': dict(layers.ACTIVATIONS, swish=tf.nn.swish)}),
    'no experts': (mbconv.plain, {}),
}


def make_run(name, form, batch, training):
    """A function that does one step, in a graph and session of its own."""
    convolutions, replaced = FORMS[form]
    with tf.Graph().as_default(), mock.patch.dict(vars(layers), replaced):
        network = get_network(name)._replace(builder=functools.partial(
            efficientnet.build, convolutions=convolutions))
        draws = np.random.RandomState(0)
        images = tf.placeholder(tf.float32, [batch, 224, 224, 3])
        logits, _ = network.build(images, training=training)
        target = logits.op
        if training:
            entropy = tf.losses.sparse_softmax_cross_entropy(
                draws.randint(0, network.num_classes, batch), logits)
            with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
                target = tf.train.RMSPropOptimizer(1e-3, 0.9, 0.9, 1e-3).minimize(
                    entropy + network.regularization_loss(1e-5))
        session = tf.Session()
        session.run(tf.global_variables_initializer())
    return functools.partial(
        session.run, target, {images: draws.uniform(-1, 1, (batch, 224, 224, 3))})


def measure(runs, rounds):
    """{form: (wall seconds, processor seconds)}, medians."""
    times = {form: [] for form in runs}
    for step in runs.values():
        step()
    for _ in range(rounds):
        for form, step in runs.items():
            wall, processor = time.perf_counter(), time.process_time()
            step()
            times[form].append((time.perf_counter() - wall, time.process_time() - processor))
    return {form: [statistics.median(column) for column in zip(*rows)]
            for form, rows in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--model_name', default='efficientnet-condconv-b0-8e')
    options = parser.parse_args()
    tf.disable_v2_behavior()
    for training in (True, False):
        runs = {form: make_run(options.model_name, form, options.batch, training)
                for form in FORMS}
        medians = measure(runs, options.rounds)
        print('training step' if training else 'inference')
        ours = medians['whole batch']
        for form, (wall, processor) in medians.items():
            print(f'  {form:12} {wall:7.3f} s  {processor:7.3f} s of processor   '
                  f'{wall / ours[0]:5.2f} x  {processor / ours[1]:5.2f} x')


if __name__ == '__main__':
    main()
