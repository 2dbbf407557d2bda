"""The graph of a training step is no larger than it needs to be."""

import collections
import functools

import tensorflow.compat.v1 as tf

import flags
from estimator import model_fn
from estimator import run as run_lib
from models import get_network


def test_what_waits_and_what_nobody_asks_for(tmp_path):
    """An operation that waits waits for few others; images have no gradient."""
    params = flags.make(model_dir=str(tmp_path), model_name='mobilenet_v2_035', device='cpu',
                        train_batch_size=2, train_steps=9, learning_rate=.1,
                        lr_schedule='constant', optimizer='rmsprop', weight_decay=1e-5,
                        moving_average_decay=.99)
    network = get_network(params.model_name)
    run = run_lib.prepare(params, 24, {'num_classes': 10}, network.head_scope())
    function = network.model_fn_builder(functools.partial(model_fn.build, run=run))
    with tf.Graph().as_default() as graph:
        tf.train.create_global_step()
        function({'image': tf.zeros([2, 64, 64, 3])}, {'label': tf.zeros([2], tf.int64)},
                 tf.estimator.ModeKeys.TRAIN)
        operations = graph.get_operations()
    assert sum(len(op.control_inputs) for op in operations) < len(operations)
    types = collections.Counter(op.type for op in operations)
    assert types['Conv2DBackpropFilter'] == 1 and not types['Conv2DBackpropInput']
