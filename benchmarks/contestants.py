"""One contestant of compare.py: builds a network, then does steps when it is told to.

    python benchmarks/contestants.py KIND FOLDER NETWORK train|inference BATCH SIZE

KIND is `ours` (FOLDER: a checkout of this project), `original` (FOLDER: see OTHERS) or `timm`
(FOLDER unused; PyTorch).
Every contestant does the same work: random images in memory, for training the cross-entropy with
smoothed labels, L2 decay and RMSProp as in the TPU recipe. Moving averages of the weights, which
only some have, are left out. Sessions are set, and gradients tied to batch norm's updates, as each
program does it.

Says one JSON line when ready; then each line of standard input is a number of seconds to work
for, answered by {"seconds": [of each step], "cpu": [...], "memory": peak MiB}.
"""

import importlib
import json
import os
import resource
import sys
import time
import types

import numpy as np

# network: (module of the original, its function, folder of the module, name in timm). Originals are
# models/official/{mnasnet,efficientnet} of tensorflow/tpu and slim/ (research/slim) of
# tensorflow/models, both below FOLDER; slim's needs tf_slim under TensorFlow 2, installed or there.
OTHERS = {
    'mixnet-s': ('mixnet.mixnet_builder', 'build_model', 'mnasnet', 'mixnet_s'),
    'efficientnet-condconv-b0-8e': ('condconv.efficientnet_condconv_builder', 'build_model',
                                    'efficientnet', 'efficientnet_cc_b0_8e'),
    'mnasnet-a1': ('mnasnet_models', 'build_mnasnet_model', 'mnasnet', 'semnasnet_100'),
    'mobilenet_v2': ('nets.mobilenet.mobilenet_v2', 'mobilenet', 'slim', 'mobilenetv2_100'),
    'mobilenet_v1': ('nets.mobilenet_v1', 'mobilenet_v1', 'slim', 'mobilenetv1_100'),
}
CLASSES, SMOOTHING, DECAY = 1000, 0.1, 1e-5
RATE, RHO, MOMENTUM, EPSILON = 1e-4, 0.9, 0.9, 1e-3


def batch_of(batch, size):
    """(images [batch, size, size, 3], labels [batch]): the same for all."""
    draws = np.random.RandomState(0)
    return (draws.uniform(-1, 1, (batch, size, size, 3)).astype(np.float32),
            draws.randint(0, CLASSES, batch))


def ours(folder, name):
    """Function (images, training) -> (logits, decay loss) of this project."""
    sys.path.insert(0, folder)
    import inspect

    from models import get_network
    network = get_network(name)
    asked = {'device': 'cpu', 'weights_only': True}     # as the training does; older checkouts lack
    known = inspect.signature(network.build).parameters
    asked = {name: value for name, value in asked.items() if name in known}

    def build(images, training):
        logits, _ = network.build(images, training=training, num_classes=CLASSES, **asked)
        return logits, network.regularization_loss(DECAY)
    return build


def original(folder, name):
    """Function (images, training) -> (logits, decay loss) of the original's code."""
    find = slim if OTHERS[name][2] == 'slim' else tpu
    return find(folder, name)


def tpu(folder, name):
    """Of the TPU models.

    On TensorFlow 1.15 their batch norm hands a `mask` on that 1.15 does not know; it is dropped.
    """
    import tensorflow.compat.v1 as tf
    module, function, home, _ = OTHERS[name]
    official = os.path.join(folder, 'models', 'official')
    sys.path[:0] = [os.path.join(official, home), os.path.join(official, 'efficientnet'),
                    os.path.join(folder, 'models')]
    if tf.version.VERSION.startswith('1.'):
        plain = tf.layers.BatchNormalization._moments
        tf.layers.BatchNormalization._moments = (
            lambda self, inputs, axes, keep_dims, mask=None: plain(self, inputs, axes, keep_dims))
    builder = getattr(importlib.import_module(module), function)

    def build(images, training):
        logits, _ = builder(images, name, training)
        return logits, DECAY * tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()
                                         if 'batch_normalization' not in v.name])
    return build


def slim(folder, name):
    """Of slim, which says tf.contrib; TensorFlow 2 gets one for the time of the import."""
    import tensorflow.compat.v1 as tf
    sys.path[:0] = [os.path.join(folder, 'slim'), folder]
    module, function, _, _ = OTHERS[name]
    if tf.version.VERSION.startswith('1.'):
        network = importlib.import_module(module)
    else:
        import tf_slim
        before = sys.modules['tensorflow']
        sys.modules['tensorflow'] = tf
        tf.contrib = types.SimpleNamespace(slim=tf_slim, layers=tf_slim)
        network = importlib.import_module(module)
        sys.modules['tensorflow'] = before
    scope = getattr(network, 'mobilenet_v1_arg_scope', None) or network.training_scope

    def build(images, training):
        with network.slim.arg_scope(scope(is_training=training, weight_decay=DECAY)):
            logits, _ = getattr(network, function)(images, CLASSES, is_training=training)
        return logits, tf.losses.get_regularization_loss()
    return build


def own_session(mode):
    """ConfigProto of this project's sessions; of an older checkout, those of TensorFlow."""
    import flags
    from estimator.devices import session
    if not hasattr(session, 'training_config'):
        return None
    params = flags.make(mode='benchmark', model_name='mixnet-s', device='cpu')
    device = session.find_device('cpu')
    make = session.training_config if mode == 'train' else session.session_config
    return make(params, device, session.precision_lib.choose(params, 'cpu'))


def train_op(loss, kind, name):
    """One step of RMSProp and the updates of batch norm, tied together as each program does."""
    import tensorflow.compat.v1 as tf
    optimizer = tf.train.RMSPropOptimizer(RATE, RHO, MOMENTUM, EPSILON)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    if kind == 'ours':          # estimator/updates.py
        gradients = optimizer.compute_gradients(loss)
        with tf.control_dependencies([tf.group(*updates)]):
            return optimizer.apply_gradients(gradients)
    if OTHERS[name][2] == 'slim':
        updates, loss = [], with_updates(loss, updates)
    with tf.control_dependencies(updates):
        return optimizer.minimize(loss)


def with_updates(loss, updates):
    """The loss after the updates, as slim.learning.create_train_op has it."""
    import tensorflow.compat.v1 as tf
    with tf.control_dependencies([tf.group(*updates)]):
        return tf.identity(loss)


def tensorflow_session(kind, folder, name, mode, batch, size):
    """(session, operation of one step) of a contestant."""
    import tensorflow.compat.v1 as tf
    build = {'ours': ours, 'original': original}[kind](folder, name)
    config = own_session(mode) if kind == 'ours' else None
    tf.disable_v2_behavior()
    values, classes = batch_of(batch, size)
    images = tf.get_variable('benchmark_images', values.shape, trainable=False, use_resource=True)
    fed = tf.placeholder(tf.float32, values.shape)
    load = images.assign(fed)
    logits, decay = build(images.read_value(), mode == 'train')
    target = logits.op
    if mode == 'train':
        entropy = tf.losses.softmax_cross_entropy(
            tf.one_hot(classes, CLASSES), logits, label_smoothing=SMOOTHING)
        target = train_op(entropy + decay, kind, name)
    session = tf.Session(config=config)
    session.run(tf.global_variables_initializer())
    session.run(load, {fed: values})
    return session, target


def tensorflow_step(kind, folder, name, mode, batch, size):
    """(one step as a function, versions)."""
    import tensorflow.compat.v1 as tf
    session, target = tensorflow_session(kind, folder, name, mode, batch, size)
    return session.make_callable(target), f'TensorFlow {tf.version.VERSION}'


def torch_step(name, mode, batch, size):
    """(one step of timm's network as a function, versions); eager, channels last."""
    import timm
    import torch
    values, classes = batch_of(batch, size)
    channels_last = {'memory_format': torch.channels_last}
    network = timm.create_model(OTHERS[name][3], num_classes=CLASSES).to(**channels_last)
    images = torch.from_numpy(values.transpose(0, 3, 1, 2)).contiguous(**channels_last)
    version = f'PyTorch {torch.__version__}, timm {timm.__version__}'
    if mode == 'inference':
        network.eval()

        def infer():
            with torch.inference_mode():
                network(images)
        return infer, version
    network.train()
    labels = torch.from_numpy(classes)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    optimizer = torch.optim.RMSprop(network.parameters(), RATE, alpha=RHO, eps=EPSILON,
                                    momentum=MOMENTUM, weight_decay=DECAY)

    def train():
        optimizer.zero_grad()
        loss_of(network(images), labels).backward()
        optimizer.step()
    return train, version


def make_step(kind, folder, name, mode, batch, size):
    """(one step as a function, versions) of a contestant."""
    if kind == 'timm':
        return torch_step(name, mode, batch, size)
    return tensorflow_step(kind, folder, name, mode, batch, size)


def work(step, seconds):
    """Steps for so many seconds, at least two: (wall seconds, processor seconds) of each."""
    wall, cpu, start = [], [], time.perf_counter()
    while len(wall) < 2 or time.perf_counter() - start < seconds:
        before, used = time.perf_counter(), time.process_time()
        step()
        wall.append(time.perf_counter() - before)
        cpu.append(time.process_time() - used)
    return wall, cpu


def set_allocator(folder, mode):
    """What main.py does first; older checkouts have nothing of the kind."""
    if mode == 'train' and sys.version_info >= (3, 8):
        return
    if os.path.exists(os.path.join(folder, 'common', 'allocator.py')):
        sys.path.insert(0, folder)
        from common import allocator
        allocator.keep_freed_blocks()


def main(kind, folder, name, mode, batch, size):
    started = time.perf_counter()
    if kind == 'ours':
        set_allocator(folder, mode)
    step, versions = make_step(kind, folder, name, mode, int(batch), int(size))
    step()
    first = time.perf_counter() - started
    step()
    print(json.dumps({'versions': versions, 'first_step': first}), flush=True)
    for line in sys.stdin:
        wall, cpu = work(step, float(line))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({'seconds': wall, 'cpu': cpu, 'memory': peak}), flush=True)


if __name__ == '__main__':
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    main(*sys.argv[1:])
