"""Whether an imported network computes what its source does: the same image through both.

Where the source's own runtime is installed (TFLite always is), it runs; else the map is compared
with the stored checksums of maps that agreed when they were made (`make check-weights`).
"""

import collections
import hashlib
import json
import os

import numpy as np
import tensorflow.compat.v1 as tf

from common.console import quiet
from estimator.checkpoints.foreign import frozen_file, graph_file, names

CHECKED = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'checked.json')
LARGEST_SIDE = 224      # of the image; a network computes the same at every size
ALLOWED = 1e-3          # of the largest logit; what the tests ask for is 1e-4
LARGEST_TENSOR = 1 << 27     # numbers; beyond it a graph is not run
QUANTISED = 0.5         # least agreement on the class with a network that computes in 8 bits

Check = collections.namedtuple('Check', 'text ok')
Check.__doc__ = """text: one line for the report; ok: False when the two compute something else."""


def check(network, found, prefix, arguments, size):
    """The Check of an import."""
    if found.dialect is None:
        return Check('the names and shapes are our own; nothing was rearranged', True)
    run = RUNTIMES.get(found.dialect.name.split()[0])
    return (run and run(network, found, prefix, arguments, size)) or _stored(network, found)


def fingerprint(network, dialect, row):
    """Checksum of the map of published weights: every variable, key and reordering, the arguments.

    dialect: names.Dialect; row: published.Published.
    """
    arguments = {name: value for name, value in row.values.items() if name in network.defaults}
    rows = names.rows(network.plan(network.options(**arguments)), dialect)
    text = json.dumps([sorted(rows, key=str), sorted(row.values.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stored():
    """{label of published weights and network: {'map', 'error', 'with'}} of maps that agreed."""
    with open(CHECKED, encoding='utf-8') as stream:
        return json.load(stream)


def label(row):
    """Key of a published row in `stored`."""
    return f'{row.dialect} {row.name or "network"} -> {row.network}'


def _stored(network, found):
    kept = stored().get(label(found.row))
    if kept and kept['map'] == fingerprint(network, found.dialect, found.row):
        return Check(f'the map is the one that agreed with {kept["with"]} to {kept["error"]:.0e} '
                     'of the largest logit', True)
    return Check('every tensor has its place, but nothing was compared: its runtime is not '
                 'installed here, and no stored comparison is of this network', True)


def logits(network, prefix, arguments, images):
    """float32 logits of our network under a checkpoint; images: normalised, NHWC."""
    with tf.Graph().as_default(), tf.Session() as session:
        out, _ = network.build(tf.constant(images), training=False, **arguments)
        tf.train.Saver(network.model_variables()).restore(session, prefix)
        return session.run(out)


def _images(size, count=2):
    """Normalised pictures of coarse coloured patches: float32 [count, size, size, 3] in -1..1."""
    coarse = np.random.RandomState(0).uniform(-1, 1, (count, 6, 6, 3))
    places = np.linspace(0, 5, size)
    for axis in 1, 2:
        coarse = np.apply_along_axis(lambda row: np.interp(places, np.arange(6), row), axis, coarse)
    return coarse.astype(np.float32)


def _compared(ours, theirs, by):
    error = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-30)
    same = np.mean(ours.argmax(1) == theirs.argmax(1))
    return Check(f'{by} gives the same logits to {error:.1e} of the largest on {len(ours)} '
                 f'coloured patterns, the same class on {same:.0%}', bool(error <= ALLOWED))


def _torch(network, found, prefix, arguments, size):
    """By timm's or torchvision's own network; None where that is not installed."""
    name = found.row.name
    try:
        import torch
        if found.dialect.name == 'timm':
            import timm
            model = timm.create_model(name, num_classes=arguments['num_classes'])
            by = f'timm {timm.__version__}'
        else:
            import torchvision
            model = torchvision.models.get_model(name, num_classes=arguments['num_classes'])
            by = f'torchvision {torchvision.__version__}'
    except Exception:  # pylint: disable=broad-except
        return None     # not there, or too old to know the network
    if len(found.rows) < len(network.variables(**arguments)):
        return None     # a backbone has no logits
    state = {tensor.name: torch.from_numpy(np.array(tensor.read()))
             for tensor in found.source.tensors.values()}
    for row, leaf in zip(found.rows[-2:], ('weight', 'bias')):      # a head of any name
        state[f'{found.dialect.classifier[0]}.{leaf}'] = state[found.source.tensors[row.key].name]
    state = collections.OrderedDict(state)      # torchvision asks which version it is
    state._metadata = model.state_dict()._metadata
    try:
        model.load_state_dict(state, strict=False)
    except RuntimeError:
        return None     # another width than the published one
    images = _images(min(size, LARGEST_SIDE))
    with torch.no_grad():
        theirs = model.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    return _compared(logits(network, prefix, arguments, images), theirs, by)


def _tflite(network, found, prefix, arguments, size):
    """By TensorFlow's TFLite interpreter, on images as it takes them: 8 bits or float."""
    with quiet():
        try:
            interpreter = tf.lite.Interpreter(model_path=found.path)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            return _not_run(error)
    entry, = interpreter.get_input_details()
    leave = interpreter.get_output_details()[0]
    size = int(entry['shape'][1])
    images, theirs = _images(size, 16), []
    scale, zero = entry['quantization']
    if scale:
        bounds = np.iinfo(entry['dtype'])
        stored_images = np.clip(np.round(images / scale) + zero, bounds.min, bounds.max)
        images = ((stored_images - zero) * scale).astype(np.float32)
    else:
        stored_images = images
    for image in stored_images:
        batch = np.repeat(image[np.newaxis], entry['shape'][0], 0)    # the file's own, often 1
        interpreter.set_tensor(entry['index'], batch.astype(entry['dtype']))
        interpreter.invoke()
        out = interpreter.get_tensor(leave['index'])
        theirs.append(out.reshape([len(batch), -1])[0].astype(np.float32))
    theirs = np.stack(theirs)
    scale, zero = leave['quantization']
    theirs = (theirs - zero) * scale if scale else theirs
    ours = _alike(logits(network, prefix, arguments, images), theirs)
    if found.source.exact:
        return _compared(ours, theirs, 'the TFLite runtime')
    same = np.mean(ours.argmax(1) == theirs.argmax(1))
    return Check('the TFLite runtime, which rounds to 8 bits where we use floats, names the same '
                 f'class on {same:.0%} of {len(ours)} coloured patterns', bool(same >= QUANTISED))


def _graph(network, found, prefix, arguments, size):
    """By TensorFlow, of graphs that are arithmetic alone and of bounded size."""
    definition = graph_file.parsed(found.path)
    others = {node.op for node in definition.node} - set(frozen_file.HARMLESS)
    if others:
        return Check(f'every tensor has its place, but nothing was compared: the graph has '
                     f'{", ".join(sorted(others)[:3])}, and is not run', True)
    images = _images(found.values.get('input_image_size') or size)
    feed, = [node.name for node in definition.node if node.op == 'Placeholder']
    with tf.Graph().as_default() as graph, tf.Session() as session:
        try:
            tf.import_graph_def(definition, {f'{feed}:0': tf.constant(images)}, name='graph')
        except ValueError as error:
            return _not_run(error)
        tensors = [out for op in graph.get_operations() for out in op.outputs
                   if op.type != 'Placeholder']
        if any((out.shape.num_elements() or LARGEST_TENSOR) >= LARGEST_TENSOR for out in tensors):
            return Check('every tensor has its place, but nothing was compared: the graph computes '
                         'larger tensors than a network does, and is not run', True)
        ends = [op for op in graph.get_operations() if op.name == 'graph/logits'] or [
            op for op in graph.get_operations() if op.type != 'ArgMax'
            and not any(out.consumers() for out in op.outputs)]
        theirs = session.run(ends[-1].outputs[0]).reshape([len(images), -1])
    ours = _alike(logits(network, prefix, arguments, images), theirs)
    return _compared(ours, theirs, 'the graph')


def _not_run(error):
    return Check(f'every tensor has its place, but nothing was compared: TensorFlow '
                 f'{tf.version.VERSION} cannot run the file ({str(error).splitlines()[0][:200]}); '
                 'it may be of a newer one', True)


def _alike(ours, theirs):
    """Our logits, or their softmax where the others are probabilities."""
    if not np.allclose(theirs.sum(1), 1, atol=0.05):
        return ours
    ours = np.exp(ours - ours.max(1, keepdims=True))
    return ours / ours.sum(1, keepdims=True)


RUNTIMES = {'timm': _torch, 'torchvision': _torch, 'TFLite': _tflite,
            'folded': _graph}
