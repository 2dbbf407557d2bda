"""Reading frozen graphs: data, never run.

Constants that carry the names of variables are those. Where batch norm is folded into the
convolutions, no name tells; then the convolutions are taken in the order the image meets them, as
those of a TFLite file, and batch norm is written back as gamma 1, mean 0, variance 1 - epsilon and
the bias as beta.
"""

import re

import numpy as np

from estimator.checkpoints.foreign import graph_file
from estimator.checkpoints.foreign.tensors import Opened, folded_norm

CONVOLUTIONS = ('Conv2D', 'DepthwiseConv2dNative', 'MatMul')
SUMS = ('BiasAdd', 'Add', 'AddV2')
# What leaves numbers as they are between a convolution and its bias, or a constant and its reader.
PASSING = ('Identity', 'ConcatV2', 'Squeeze', 'Reshape', 'CheckNumerics')
# What lies between the product that mixes CondConv's kernels, of which experts are constants, and
# the bias: the convolution of the mixed kernel is a product of two results.
MIXED = PASSING + ('BatchMatMul', 'BatchMatMulV2', 'DepthwiseConv2dNative', 'Transpose')
# Arithmetic alone: a graph of these reads and writes nothing, so that it may be run.
HARMLESS = CONVOLUTIONS + SUMS + PASSING + (
    'Placeholder', 'Const', 'Mul', 'Sub', 'RealDiv', 'Relu', 'Relu6', 'Sigmoid', 'Mean', 'AvgPool',
    'Pad', 'Slice', 'Softmax', 'ArgMax', 'Shape', 'StridedSlice', 'Pack', 'NoOp', 'BatchMatMul',
    'BatchMatMulV2', 'Transpose', 'Dequantize')
# What graph tools (fold_constants) put behind the name of a variable that they have read.
COMPUTED = re.compile(r'(/read)?/_\d+__cf__\d+$')
NOTE = 'batch norm, folded into its convolutions, is written back beside them'


def read(path):
    """Opened of a frozen graph's constants; CheckpointError when it is none."""
    definition = graph_file.parsed(path)
    constants = graph_file.constants(path, definition)
    named = {COMPUTED.sub('', name): tensor for name, tensor in constants.items()}
    if not any(name.endswith('/moving_variance') for name in named):
        folded = _folded(definition, constants)
        if folded.tensors:
            return folded
    return Opened('frozen graph', graph_file.averaged(named))


def _folded(definition, constants):
    """Opened of the layers of a graph in order; constants: {name: Tensor} of its float ones."""
    nodes = graph_file.in_order(definition)
    inputs = {node.name: [graph_file.source_of(name)[0] for name in node.input] for node in nodes}
    kinds = {node.name: node.op for node in nodes}
    readers = {}
    for node in nodes:
        for name in inputs[node.name]:
            readers.setdefault(name, []).append(node.name)

    def constant(name):
        while kinds[name] in PASSING and inputs[name]:
            name = inputs[name][0]
        return constants.get(name)

    tensors, number, values = {}, 0, {}
    for node in nodes:
        kernel = constant(inputs[node.name][1]) if node.op in CONVOLUTIONS else None
        if kernel is None:
            continue
        key = f'node_{number}' if number else 'node'
        number += 1
        tensors.update(_layer(key, kernel, _bias(node.name, kinds, inputs, readers, constant)))
        if node.attr['padding'].s == b'VALID' and kernel.shape[0] > 1:
            values['padding'] = 'symmetric'     # padded apart; our networks have no other
    size = next((list(node.attr['shape'].shape.dim) for node in nodes
                 if node.op == 'Placeholder'), [])
    if len(size) == 4 and size[1].size == size[2].size > 1:
        values['input_image_size'] = size[1].size
    return Opened('folded graph', tensors, values, (NOTE,))


def _bias(name, kinds, inputs, readers, constant):
    """The constant added to what a convolution gives, alone or joined with others; or None."""
    passing = MIXED if kinds[name] == 'MatMul' else PASSING
    while len(readers.get(name, ())) == 1:
        name, = readers[name]
        if kinds[name] in SUMS:
            found = [constant(source) for source in inputs[name]]
            return next((value for value in found if value is not None), None)
        if kinds[name] not in passing:
            break
    return None


def _layer(key, kernel, bias):
    yield f'{key}/kernel', kernel
    if bias is None:
        return
    shift = bias._replace(shape=(int(np.prod(bias.shape, dtype=np.int64)),),
                          read=lambda: bias.read().reshape(-1))
    yield f'{key}/bias', shift
    yield from folded_norm(key, shift)
