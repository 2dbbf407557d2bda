"""Reading SavedModels and frozen graphs of the originals and of this program: data, never run.

A frozen graph is a list of nodes; those that are constants carry the name of the variable they
were. A SavedModel keeps its variables in a checkpoint of its own.
"""

import os

import tensorflow.compat.v1 as tf

from common.errors import CheckpointError
from estimator.checkpoints import reading as checkpoints
from estimator.checkpoints.foreign.tensors import Opened, Tensor

LARGEST_GRAPH = 2 << 30     # protobuf's own bound


def recognises(head):
    """Whether the first byte starts a GraphDef: its field 1, a node."""
    return head[:1] == b'\x0a'


def is_saved_model(path):
    """Whether a folder is a SavedModel."""
    return os.path.isfile(os.path.join(path, 'saved_model.pb'))


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
    tensors = {name: Tensor(tuple(shape), lambda name=name: reader.get_tensor(name))
               for name, shape in reader.get_variable_to_shape_map().items()}
    return Opened('SavedModel', _averaged(tensors))


def read_graph(path):
    """Opened of a frozen graph's constants; CheckpointError when it is none."""
    if os.path.getsize(path) > LARGEST_GRAPH:
        raise CheckpointError(f'{path} is larger than any graph can be.')
    graph = tf.GraphDef()
    try:
        with open(path, 'rb') as stream:
            graph.ParseFromString(stream.read())
    except Exception as error:  # pylint: disable=broad-except
        raise CheckpointError(f'{path} is none of the files that can be imported, or is cut off '
                              f'({type(error).__name__}).')
    tensors = {}
    for node in graph.node:
        value = node.attr['value'].tensor
        if node.op == 'Const' and value.dtype == tf.float32.as_datatype_enum:
            shape = tuple(axis.size for axis in value.tensor_shape.dim)
            tensors[node.name] = Tensor(shape, _constant(path, node.name, value, shape))
    return Opened('frozen graph', _averaged(tensors))


def _constant(path, name, value, shape):
    """Reads a constant; one that repeats a few values to a huge shape is not blown up."""
    def load():
        try:
            return tf.make_ndarray(value).reshape(shape)
        except ValueError as error:
            raise CheckpointError(f'{path}: {name} is damaged ({error}).')
    return load


def _averaged(tensors):
    """With the averaged weights, where there are any, in the place of the plain ones."""
    averages = {name[:-len(checkpoints.AVERAGE)]: value for name, value in tensors.items()
                if name.endswith(checkpoints.AVERAGE)}
    plain = {name: value for name, value in tensors.items() if checkpoints.AVERAGE not in name}
    return dict(plain, **averages)
