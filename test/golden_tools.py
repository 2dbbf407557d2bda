"""Reads the goldens and regenerates their weights and inputs (rules: test/goldens/README.md)."""

import numpy as np
import tensorflow.compat.v1 as tf
from golden_rules import ROOT, images, read_json, read_npz, rule_of, weights

from estimator.checkpoints.foreign import names
from models import get_network

__all__ = ['ROOT', 'images', 'read_json', 'read_npz', 'rule_of', 'weights']

# golden directory -> (network, overrides of build)
MODELS = {
    'mixnet-s': ('mixnet-s', {}),
    'mnasnet-a1': ('mnasnet-a1', {}),
    'mnasnet-d1': ('mnasnet-d1', {}),
    'efficientnet-b0': ('efficientnet-b0', {}),
    'efficientnet-condconv-b0-8e': ('efficientnet-condconv-b0-8e', {}),
    'mobilenet_v1_1.0': ('mobilenet_v1', {}),
    'mobilenet_v2_1.0': ('mobilenet_v2', {}),
    'mobilenet_v2_1.4_ascend': ('mobilenet_v2_140', {'classifier': 'fc'}),
    'torchvision_mnasnet1_0': ('mnasnet1_0', {}),
}


def session():
    """A session that runs graphs as they are built: to optimise one that runs once takes longer."""
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.Session(config=config)


def load(session, values):
    """Assigns {variable: array} in one run, without putting the arrays into the graph."""
    feeds = {}
    operations = []
    for variable, value in values.items():
        source = tf.placeholder(tf.float32, value.shape)
        feeds[source] = value
        operations.append(variable.assign(source, read_value=False))
    session.run(operations, feeds)


def golden_values(model, variables):
    """{variable: array} for the variables of a graph, matched with the golden by name."""
    golden = read_json(model, 'variables')
    rows = {row['name']: row for row in golden['variables']}
    return {v: weights(v.op.name, v.shape.as_list(), golden['kernel_gain'],
                       rows[v.op.name]['fan_in']) for v in variables}


def torch_table(model, name):
    """Rows (variable, key, axes) of a torchvision network, with the keys of its state_dict."""
    shapes = {row['name']: row['shape'] for row in read_json(model, 'variables')['variables']}
    network = get_network(name)
    dialect = names.dialect_of(shapes)
    renamed = names.canonical(dialect, shapes)
    tensors = {key: np.empty(shapes[theirs]) for key, theirs in renamed.items()}
    return [(row.variable, renamed[row.key], row.axes)
            for row in names.rows(network.plan(network.options()), dialect, tensors)]


def torch_values(model, variables, table):
    """{variable: array} from state_dict arrays made by the same rule under their torch names."""
    golden = read_json(model, 'variables')
    rows = {row['name']: row for row in golden['variables']}
    rules = {'gamma': 'positive', 'moving_variance': 'positive', 'kernel': 'kernel'}
    keys = {name: (key, axes) for name, key, axes in table}
    values = {}
    for v in variables:
        key, axes = keys[v.op.name]
        row = rows[key]
        array = weights(key, row['shape'], golden['kernel_gain'], row['fan_in'],
                        rules.get(row['rule'], 'shift'))
        values[v] = array.transpose(axes) if axes else array
    return values


_COUNTED = {
    'Conv2D': lambda op: op.inputs[1].shape[:3],
    'DepthwiseConv2dNative': lambda op: op.inputs[1].shape[:2],
    'MatMul': lambda op: op.inputs[0].shape[1:],
    'BatchMatMulV2': lambda op: op.inputs[0].shape[-1:],
}


def multiply_adds(graph):
    """Multiply-adds of an inference graph: output elements times length of each sum.

    Of one image where the batch may be any.
    """
    def elements(tensor):
        batch, *rest = tensor.shape.as_list()
        return int(np.prod(rest, dtype=np.int64)) * (1 if batch is None else batch)
    return sum(elements(op.outputs[0]) * _COUNTED[op.type](op).num_elements()
               for op in graph.get_operations() if op.type in _COUNTED)
