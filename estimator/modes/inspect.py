"""`--mode=inspect`: the layers of a network with shapes, parameters and multiply-adds.

Everything is read off an inference graph of batch 1; nothing is trained or loaded.
"""

import collections
import json

import tensorflow.compat.v1 as tf

from common.console import say
from estimator.run import arguments

Layer = collections.namedtuple('Layer', ['name', 'kind', 'output', 'parameters', 'multiply_adds'])

# op type: (what to call it, multiply-adds per output element of the op)
_KINDS = {
    'Conv2D': ('conv', lambda op: _product(op.inputs[1].shape[:3])),
    'DepthwiseConv2dNative': ('depthwise conv', lambda op: _product(op.inputs[1].shape[:2])),
    'MatMul': ('dense', lambda op: _contracted(op, 'transpose_a')),
    'BatchMatMul': ('batched dense', lambda op: _contracted(op, 'adj_x')),
    'BatchMatMulV2': ('batched dense', lambda op: _contracted(op, 'adj_x')),
    'FusedBatchNormV3': ('batch norm', lambda op: 0),
}


def run(network, params, open_inputs):
    """Prints the table (or JSON); returns the exit code."""
    del open_inputs
    size = params.input_image_size or network.image_size
    classes = params.num_label_classes or network.num_classes
    with tf.Graph().as_default():
        images = tf.zeros([1, size, size, 3], name='images')
        network.build(images, training=False, folded=False,
                      **arguments(network, params, classes))
        layers = read_layers(tf.get_default_graph())
        variables = [(v.op.name, v.shape.as_list(), v in tf.trainable_variables())
                     for v in network.model_variables()]
    table = {
        'model_name': network.name, 'input': [size, size, 3], 'num_classes': classes,
        'parameters': sum(_product(shape) for _, shape, trainable in variables if trainable),
        'moving_statistics': sum(_product(s) for _, s, trainable in variables if not trainable),
        'multiply_adds': sum(layer.multiply_adds for layer in layers),
        'published': network.published,
        'layers': [layer._asdict() for layer in layers],
        'variables': [{'name': n, 'shape': s, 'trainable': t} for n, s, t in variables]}
    if params.format == 'json':
        say(json.dumps(table, indent=2))
    else:
        _print(table, layers, params.verbose)
    return 0


def read_layers(graph):
    """The layers of an inference graph in order; each variable is counted once."""
    parameters = collections.Counter()
    for v in tf.trainable_variables():
        parameters[_scope(v.op.name)] += _product(v.shape)
    layers = []
    for op in graph.get_operations():
        if op.type not in _KINDS:
            continue
        kind, per_element = _KINDS[op.type]
        scope = _layer_scope(op)
        output = op.outputs[0].shape.as_list()
        layers.append(Layer(scope, kind, output, parameters.pop(scope, 0),
                            _product(output) * per_element(op)))
    return layers


def _layer_scope(op):
    """Scope of the variable an op reads, searched upwards from its weights."""
    pending = collections.deque([op.inputs[1], op.inputs[0]])
    seen = set()
    while pending:
        source = pending.popleft().op
        if source.type in ('VarHandleOp', 'VariableV2'):
            return _scope(source.name)
        if source not in seen:
            seen.add(source)
            pending.extend(source.inputs)
    return op.name


def _scope(name):
    return name.rsplit('/', 1)[0]


def _contracted(op, transposed):
    shape = op.inputs[0].shape.as_list()
    return shape[-2] if op.get_attr(transposed) else shape[-1]


def _product(shape):
    total = 1
    for size in shape:
        total *= int(size)
    return total


def _print(table, layers, verbose):
    width = max(len(layer.name) for layer in layers)
    say(f'{"layer":{width}}  {"kind":14}  {"output":>18}  {"parameters":>11}  '
        f'{"multiply-adds":>13}')
    for layer in layers:
        output = 'x'.join(str(size) for size in layer.output[1:])
        say(f'{layer.name:{width}}  {layer.kind:14}  {output:>18}  {layer.parameters:>11,}  '
            f'{layer.multiply_adds:>13,}')
    if verbose:
        say('\nvariables')
        for v in table['variables']:
            note = '' if v['trainable'] else '  (moving statistic)'
            say(f'{v["name"]}  {v["shape"]}{note}')
    size = table['input'][0]
    published = table['published'] or {}
    say(f'\n{table["model_name"]}: input {size}x{size}x3, {table["num_classes"]} classes')
    say(f'parameters      {table["parameters"]:>13,}   published {_m(published.get("params"))}')
    say(f'multiply-adds   {table["multiply_adds"]:>13,}   published '
        f'{_m(published.get("multiply_adds"))}')
    say(f'moving averages {table["moving_statistics"]:>13,}')
    if published.get('top_1'):
        say(f'published top-1 {published["top_1"]} %  ({published.get("source", "")})')


def _m(millions):
    return 'no figure' if millions is None else f'{millions:g} M'
