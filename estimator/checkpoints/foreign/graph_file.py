"""Graphs as data: SavedModels, which keep their variables in a checkpoint, and lists of nodes."""

import os

import numpy as np
import tensorflow.compat.v1 as tf

from common.errors import CheckpointError
from estimator.checkpoints import reading as checkpoints
from estimator.checkpoints.foreign import tensors as tensors_lib
from estimator.checkpoints.foreign.tensors import Opened, Tensor

GRAPH = 'saved_model.pb'
LARGEST_GRAPH = 2 << 30     # protobuf's own bound
FLOAT, EIGHT_BITS = 1, 12      # DataType of TensorFlow's types.proto


def recognises(head):
    """Whether the first byte starts a GraphDef: its field 1, a node."""
    return head[:1] == b'\x0a'


def is_saved_model(path):
    """Whether a folder is a SavedModel."""
    return os.path.isfile(os.path.join(path, GRAPH))


def read_saved_model(path):
    """Opened of a SavedModel with variables."""
    prefix = os.path.join(path, 'variables', 'variables')
    if not os.path.exists(prefix + '.index'):
        raise CheckpointError(f'{path} is a SavedModel without variables. Give the checkpoint or '
                              'the frozen graph it was made of.')
    reason = checkpoints.damage(prefix)
    if reason:
        raise CheckpointError(f'{path} is damaged: {reason}')
    reader = tf.train.NewCheckpointReader(prefix)
    if '_CHECKPOINTABLE_OBJECT_GRAPH' in reader.get_variable_to_shape_map():
        raise CheckpointError(f"{path} is a SavedModel of TensorFlow 2's objects (Keras), without "
                              "the layers' names. Where it was made: model.save('weights.h5').")
    tensors = {name: Tensor(tuple(shape), lambda name=name: reader.get_tensor(name))
               for name, shape in reader.get_variable_to_shape_map().items()}
    return Opened('SavedModel', averaged(tensors))


def parsed(path):
    """GraphDef of a file; CheckpointError when it is none."""
    if os.path.getsize(path) > LARGEST_GRAPH:
        raise CheckpointError(f'{path} is larger than any graph can be.')
    graph = tf.GraphDef()
    try:
        with open(path, 'rb') as stream:
            graph.ParseFromString(stream.read())
    except Exception as error:  # pylint: disable=broad-except
        raise CheckpointError(f'{path} is none of the files that can be imported, or is cut off '
                              f'({type(error).__name__}).')
    return graph


def constants(path, definition):
    """{name: Tensor} of the float constants of a GraphDef, and of those that its graph tools have
    stored in 8 bits (quantize_weights); path: for messages."""
    tensors, by_name = {}, {node.name: node for node in definition.node}
    for node in definition.node:
        sources = [by_name.get(source_of(text)[0]) for text in node.input]
        if _kind(node) == FLOAT:
            tensors[node.name] = Tensor(*_constant(path, node))
        elif (node.op == 'Dequantize' and node.attr['mode'].s != b'SCALED' and all(sources)
              and [_kind(source) for source in sources] == [EIGHT_BITS, FLOAT, FLOAT]):
            tensors[node.name] = Tensor(*_dequantised(path, node, sources))
    return tensors


def _kind(node):
    """Number of the type of a constant, None of other nodes."""
    return node.attr['value'].tensor.dtype if node.op == 'Const' else None


def _constant(path, node):
    """(shape, function that reads it); one that repeats a few values to a huge shape is not blown
    up before it is read."""
    value = node.attr['value'].tensor
    shape = tuple(axis.size for axis in value.tensor_shape.dim)

    def load():
        try:
            return tf.make_ndarray(value).reshape(shape)
        except ValueError as error:
            raise CheckpointError(f'{path}: {node.name} is damaged ({error}).')
    return shape, load


def _dequantised(path, node, sources):
    """As _constant, of 8 bits between a least and a largest value, by the kernel of Dequantize."""
    (shape, steps), (_, least), (_, largest) = [_constant(path, source) for source in sources]
    first = node.attr['mode'].s == b'MIN_FIRST'

    def load():
        low, high = [float(np.ravel(end())[0]) for end in (least, largest)]
        step = (high - low) / 255
        low = np.round(low / step) * step if first and step else low
        return (steps().view(np.uint8).reshape(shape) * step + low).astype(np.float32)
    return shape, load


def averaged(tensors):
    """With the averaged weights, where there are any, in the place of the plain ones."""
    averages = {name[:-len(checkpoints.AVERAGE)]: value for name, value in tensors.items()
                if name.endswith(checkpoints.AVERAGE)}
    plain = {name: value for name, value in tensors.items() if checkpoints.AVERAGE not in name}
    return dict(plain, **averages)


def in_order(definition):
    """The nodes of a GraphDef without loops, each after those it reads, these in their order.

    Raises CheckpointError when it reads a node that is not there, or one of its own results.
    """
    by_name = {node.name: node for node in definition.node}
    reads = {name: [source_of(text)[0] for text in node.input] for name, node in by_name.items()}
    inside = {source for sources in reads.values() for source in sources}
    try:
        order = tensors_lib.in_order(reads, [name for name in by_name if name not in inside])
    except ValueError as error:
        raise CheckpointError(f'{error}. Is it a frozen graph?')
    return [by_name[name] for name in order]


def source_of(name):
    """(node, number of its output) of an input such as 'a', 'a:1' or '^a'."""
    name, _, index = name.lstrip('^').partition(':')
    return name, int(index or 0)
