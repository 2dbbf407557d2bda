"""Makes a network's goldens by running its original, on TensorFlow 1.15.

    python test/goldens/make_goldens.py MODEL --original=FOLDER [--output=DIR | --check]

MODEL: a directory here, or another variant of ORIGINALS. FOLDER holds the original's code: a
checkout of tensorflow/tpu, one of slim with a folder `nets`, or of Ascend/ModelZoo-TensorFlow the
folder MobileNetV2_ID0074_for_TensorFlow. --check compares with the goldens that are stored here.
Rules: README.md beside this file.
"""

import argparse
import collections
import importlib
import os
import sys
import types

import numpy as np
import tensorflow.compat.v1 as tf

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.dirname(os.path.dirname(HERE))]

import golden_rules
import golden_tools

Original = collections.namedtuple(
    'Original', 'home module function arguments frozen size classes gain decay optimizer averages '
    'trains')
Original.__doc__ = """How an original is run.

home: folders below FOLDER for sys.path; module, function: builds the network; arguments: of the
function besides images and mode; frozen: those that switch dropout and dropped branches off in
training; size, classes: native; gain: kernel_gain, see README.md; decay: weight decay;
optimizer: (name, settings); averages: 'after' or 'before' the update; trains: False where dropout
cannot be switched off, so that only its inference has goldens.
"""

RMSPROP = ('rmsprop', dict(decay=0.9, momentum=0.9, epsilon=0.001))
MOMENTUM = ('momentum 0.9', dict(momentum=0.9))
TPU = ['models/official/mnasnet', 'models/official/efficientnet', '.']
SLIM = ['.']


def tpu(module, function, name, size=224, gain=2.0, frozen=None):
    """An original of tensorflow/tpu."""
    return Original(TPU, module, function, {'model_name': name},
                    {'override_params': dict({'dropout_rate': 0.0}, **(frozen or {}))}, size, 1000,
                    gain, 1e-5, RMSPROP, 'after', True)


def slim(module, function, gain=2.0, **arguments):
    """An original of slim."""
    return Original(SLIM, module, function, dict(arguments, num_classes=1001), {}, 224, 1001,
                    gain, 4e-5, MOMENTUM, 'before', True)


def ascend(module, function, **arguments):
    """An original of the Ascend port of slim; its config.py says how many classes there are."""
    return slim(module, function, **arguments)._replace(trains=False)


NO_DROP = {'survival_prob': 0.0}
ORIGINALS = {
    'mixnet-s': tpu('mixnet.mixnet_builder', 'build_model', 'mixnet-s', gain=1.9),
    'mnasnet-a1': tpu('mnasnet_models', 'build_mnasnet_model', 'mnasnet-a1',
                      gain=1.7),
    'mnasnet-d1': tpu('mnasnet_models', 'build_mnasnet_model', 'mnasnet-d1',
                      gain=1.4),
    'efficientnet-b0': tpu('efficientnet_builder', 'build_model', 'efficientnet-b0',
                           frozen=NO_DROP),
    'efficientnet-condconv-b0-8e': tpu(
        'condconv.efficientnet_condconv_builder', 'build_model', 'efficientnet-condconv-b0-8e',
        frozen=NO_DROP),
    'mobilenet_v1_1.0': slim('nets.mobilenet_v1', 'mobilenet_v1'),
    'mobilenet_v2_1.0': slim('nets.mobilenet.mobilenet_v2', 'mobilenet'),
    'mobilenet_v2_1.4_ascend': ascend('nets.mobilenet.mobilenet_v2', 'mobilenet',
                                      depth_multiplier=1.4),
}


def open_original(original, folder):
    """Function (images, training, frozen) -> logits."""
    sys.path[:0] = [os.path.join(folder, part) for part in original.home]
    plain = tf.layers.BatchNormalization._moments
    if original.home == TPU and tf.version.VERSION.startswith('1.'):
        # Its batch norm hands a `mask` on that TensorFlow 1.15 does not know; None in all of them.
        tf.layers.BatchNormalization._moments = (
            lambda self, inputs, axes, keep_dims, mask=None: plain(self, inputs, axes, keep_dims))
    # A package that the Ascend port's config.py takes a dict with attributes from.
    sys.modules.setdefault('easydict', types.SimpleNamespace(
        EasyDict=lambda values: types.SimpleNamespace(**values)))
    module = importlib.import_module(original.module)
    build = getattr(module, original.function)

    def network(images, training, frozen=False):
        arguments = dict(original.arguments, **(original.frozen if frozen else {}))
        if original.home == TPU:
            return build(images, training=training, **arguments)[0]
        return slim_network(module, build, images, training, arguments)
    return network


def slim_network(module, build, images, training, arguments):
    """slim's networks: their settings come as an argument scope; dropout is always off here."""
    from tensorflow.contrib import slim as contrib
    if hasattr(module, 'training_scope'):
        with contrib.arg_scope(module.training_scope(is_training=training, dropout_keep_prob=1.0)):
            return build(images, **arguments)[0]
    with contrib.arg_scope(module.mobilenet_v1_arg_scope(is_training=training)):
        return build(images, is_training=training, dropout_keep_prob=1.0, **arguments)[0]


def fan_in(name, shape):
    """Length of the sum one output of a kernel has; CondConv's kernels are mixed of E experts."""
    if name.endswith('condconv_kernel'):
        return None
    return float(np.prod(shape[:2] if 'depthwise' in name else shape[:-1]))


def experts_fan_in(v):
    """fan_in of an expert kernel [E, k * k * in * out], from the convolution that uses it."""
    convolution = next(op for op in tf.get_default_graph().get_operations()
                       if op.type in ('Conv2D', 'DepthwiseConv2dNative') and _reads(op, v.op.name))
    kernel = convolution.inputs[1].shape.as_list()
    length = np.prod(kernel[:3] if convolution.type == 'Conv2D' else kernel[:2])
    return float(length) * v.shape.as_list()[0] / 4


def _reads(operation, name):
    """Whether the weights of an operation come from a variable; routers do not count."""
    pending, seen = [operation.inputs[1].op], set()
    while pending:
        source = pending.pop()
        if source.name == name:
            return True
        if source.name not in seen and source.type != 'Sigmoid':
            seen.add(source.name)
            pending.extend(tensor.op for tensor in source.inputs)
    return False


def table_of(variables, original):
    """Rows of variables.json."""
    trainable = set(tf.trainable_variables())
    rules = {'positive': 'gamma', 'shift': 'beta', 'kernel': 'kernel'}
    rows = []
    for v in variables:
        name, shape = v.op.name, v.shape.as_list()
        rule = golden_tools.rule_of(name)
        length = None
        if rule == 'kernel':
            length = fan_in(name, shape) or experts_fan_in(v)
        rows.append({'name': name, 'shape': shape, 'trainable': v in trainable,
                     'rule': rules[rule], 'fan_in': length})
    return rows


def values_of(variables, rows, gain):
    """{variable: array} by the rule of README.md."""
    known = {row['name']: row['fan_in'] for row in rows}
    return {v: golden_tools.weights(v.op.name, v.shape.as_list(), gain, known[v.op.name])
            for v in variables}


def features_of(logits):
    """The pooled vector: what the last product of a tensor [batch, classes] reads."""
    pending = collections.deque([logits.op])
    while pending:
        op = pending.popleft()
        if op.type in ('MatMul', 'Conv2D'):
            return tf.reshape(op.inputs[0], [tf.shape(op.inputs[0])[0], -1])
        pending.extend(tensor.op for tensor in op.inputs)
    raise ValueError('no product leads to the logits')


def inference(network, original):
    """(variables.json, flops.json, logits.npz)."""
    with tf.Graph().as_default(), tf.Session() as session:
        # CondConv's original needs to know the size of the batch.
        images = tf.placeholder(tf.float32, [2, original.size, original.size, 3])
        logits = network(images, False)
        variables = tf.global_variables()
        rows = table_of(variables, original)
        golden_tools.load(session, values_of(variables, rows, original.gain))
        batch = golden_tools.images(42, 2, original.size)[0]
        values = session.run([logits, features_of(logits)], {images: batch})
    with tf.Graph().as_default() as graph:
        network(tf.zeros([1, original.size, original.size, 3]), False)
        counted = golden_tools.multiply_adds(graph)
    return ({'num_classes': original.classes, 'kernel_gain': original.gain, 'variables': rows},
            {'resolution': original.size, 'batch': 1, 'multiply_adds': counted},
            {'logits': values[0], 'pooled': values[1]})


def decayed(original):
    """Variables under weight decay by the original's rule."""
    if original.home == TPU:
        return [v for v in tf.trainable_variables() if 'batch_normalization' not in v.name]
    return [v for v in tf.trainable_variables() if v.op.name.endswith('/weights')]


def training_graph(network, original, size=96):
    """(images, labels, logits, entropy, decay) with dropout and dropped branches off."""
    images = tf.placeholder(tf.float32, [4, size, size, 3])
    labels = tf.placeholder(tf.int64, [4])
    logits = network(images, True, frozen=True)
    entropy = tf.losses.softmax_cross_entropy(
        tf.one_hot(labels, original.classes), logits, label_smoothing=0.1)
    decay = original.decay * tf.add_n([tf.nn.l2_loss(v) for v in decayed(original)])
    return images, labels, logits, entropy, decay


def training_step(network, original, rows):
    """train.npz."""
    batch, _ = golden_tools.images(42, 4, 96)
    chosen = np.random.RandomState(43).randint(0, original.classes, 4)
    with tf.Graph().as_default(), tf.Session() as session:
        images, labels, logits, entropy, decay = training_graph(network, original)
        variables = tf.trainable_variables()
        gradients = tf.gradients(entropy + decay, variables)
        statistics = [v for v in tf.global_variables() if v not in variables]
        golden_tools.load(session, values_of(tf.global_variables(), rows, original.gain))
        feed = {images: batch, labels: chosen}
        values = session.run([logits, entropy, decay, gradients], feed)
        session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS), feed)
        moved = session.run(statistics)
        norms = [np.linalg.norm(gradient) for gradient in values[3]]
        return {'logits': values[0], 'cross_entropy': values[1], 'l2': values[2],
                'weight_decay': original.decay, 'grad_names': [v.op.name for v in variables],
                'grad_norms': norms, 'global_grad_norm': np.linalg.norm(norms),
                'bn_names': [v.op.name for v in statistics],
                'bn_norms': [np.linalg.norm(value) for value in moved]}


def trajectory(network, original, rows, rate=1e-4):
    """trajectory.json: three steps."""
    name, settings = original.optimizer
    with tf.Graph().as_default(), tf.Session() as session:
        images, labels, _, entropy, decay = training_graph(network, original)
        variables = tf.global_variables()
        step = tf.train.create_global_step()
        average = tf.train.ExponentialMovingAverage(0.9999, num_updates=step)
        classes = {'rmsprop': tf.train.RMSPropOptimizer}
        optimizer = classes.get(name, tf.train.MomentumOptimizer)(rate, **settings)
        first = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        first = first + ([average.apply(variables)] if original.averages == 'before' else [])
        with tf.control_dependencies(first):
            train = optimizer.minimize(entropy + decay, step)
        if original.averages == 'after':
            with tf.control_dependencies([train]):
                train = average.apply(variables)
        start = values_of(variables, rows, original.gain)
        session.run(tf.global_variables_initializer())
        golden_tools.load(session, start)
        golden_tools.load(session, {average.average(v): value for v, value in start.items()})
        losses = []
        for number in range(4):
            batch, draws = golden_tools.images(100 + number, 4, 96)
            feed = {images: batch, labels: draws.randint(0, original.classes, 4)}
            fetch = [entropy + decay] + ([train] if number < 3 else [])
            losses.append(float(session.run(fetch, feed)[0]))
        changes = [{v.op.name: float(np.linalg.norm(value.astype(np.float64) - start[v]))
                    for v, value in zip(chosen, session.run([pick(v) for v in chosen]))}
                   for pick, chosen in ((lambda v: v, tf.trainable_variables()),
                                        (average.average, variables))]
    return {'optimizer': name, 'learning_rate': rate, 'label_smoothing': 0.1, 'losses': losses,
            'trainable_delta_l2': changes[0], 'ema_delta_l2': changes[1]}


def make(model, folder):
    """{file name: content} of a model's goldens."""
    original = ORIGINALS[model]
    network = open_original(original, folder)
    variables, flops, logits = inference(network, original)
    rows = variables['variables']
    files = {'variables.json': dict(variables, model=model), 'flops.json': dict(flops, model=model),
             'logits.npz': logits}
    if original.trains:
        files.update({'train.npz': training_step(network, original, rows),
                      'trajectory.json': trajectory(network, original, rows)})
    return files


def main():
    """Reads the command line; prints what was written, or how far it is from what is stored."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', choices=sorted(ORIGINALS))
    parser.add_argument('--original', required=True, metavar='FOLDER')
    parser.add_argument('--output', metavar='DIR', default=HERE)
    parser.add_argument('--check', action='store_true')
    given = parser.parse_args()
    tf.disable_v2_behavior()
    files = make(given.model, given.original)
    if given.check:
        print('\n'.join(golden_rules.differences(os.path.join(HERE, given.model), files)))
    else:
        golden_rules.write(os.path.join(given.output, given.model), files)
        print(f'wrote {os.path.join(given.output, given.model)}')


if __name__ == '__main__':
    main()
