"""The layers of a network with outputs, parameters and multiply-adds, from its architecture alone.

Pure Python: nothing is built.
"""

import collections

from models import arch as arch_lib
from models import variables as variables_lib

Layer = collections.namedtuple('Layer', ['name', 'kind', 'output', 'parameters', 'multiply_adds'])
Layer.__doc__ = """One layer on one image.

name: scope of its variables; output: [1, height, width, channels], of the classifier and the
routers of CondConv [1, units]; parameters: trainable numbers; multiply_adds: of convolutions and
products.
"""


def describe(arch, names, num_classes, size):
    """List of Layer in the order of computation; size: side of the image in pixels."""
    table = _Table(variables_lib.shapes(arch, names, num_classes))
    size, channels = -(-size // 2), arch.stem
    table.conv('conv', names.stem, size, channels)
    table.norm(names.stem_bn, size, channels)
    for block, scopes in zip(arch.blocks, names.blocks):
        size = _block(table, size, channels, block, scopes)
        channels = block.outputs
    if names.head:
        table.conv('conv', names.head, size, arch.head)
        table.norm(names.head_bn, size, arch.head)
    table.dense(names.classifier, num_classes)
    return table.layers


def _block(table, size, channels, block, names):
    """Adds a block; returns the side of its output."""
    pointwise = 'mixed conv' if block.experts else 'conv'
    if block.experts:
        table.dense(names.routing, block.experts)
    if block.expand_groups:
        _in_groups(table, pointwise, names.expand, size, block.expanded)
        table.norm(names.expand_bn, size, block.expanded)
        channels = block.expanded
    size = -(-size // block.stride)     # SAME, and k // 2 on both sides too
    _in_groups(table, 'mixed depthwise conv' if block.experts else 'depthwise conv',
               names.depthwise, size, channels)
    table.norm(names.depthwise_bn, size, channels)
    if block.reduced:
        for scope, width in zip(names.se, (block.reduced, channels)):
            table.conv('conv', scope, 1, width)
    _in_groups(table, pointwise, names.project, size, block.outputs)
    table.norm(names.project_bn, size, block.outputs)
    return size


def _in_groups(table, kind, scopes, size, channels):
    for scope, width in zip(scopes, arch_lib.split_channels(channels, len(scopes))):
        table.conv(kind, scope, size, width)


class _Table:
    """Layers so far, and the variables they are made of by scope."""

    def __init__(self, shapes):
        self.layers = []
        self._shapes = collections.defaultdict(dict)
        for name, shape in shapes.items():
            scope, leaf = name.rsplit('/', 1)
            self._shapes[scope][leaf] = shape

    def _add(self, scope, kind, output, multiply_adds):
        parameters = sum(product(shape) for leaf, shape in self._shapes[scope].items()
                         if not leaf.startswith('moving_'))
        self.layers.append(Layer(scope, kind, output, parameters, multiply_adds))

    def _kernel(self, scope):
        return next(iter(self._shapes[scope].values()))

    def conv(self, kind, scope, size, channels):
        """Every weight meets every position once; experts are mixed into one kernel before."""
        kernel = self._kernel(scope)
        at_a_position, mixing = product(kernel), 0
        if kind.startswith('mixed'):
            at_a_position, mixing = kernel[1], product(kernel)
        self._add(scope, kind, [1, size, size, channels], at_a_position * size * size + mixing)

    def norm(self, scope, size, channels):
        """Batch norm is no product: it can be part of the convolution before it."""
        self._add(scope, 'batch norm', [1, size, size, channels], 0)

    def dense(self, scope, units):
        self._add(scope, 'dense', [1, units], product(self._kernel(scope)))


def product(shape):
    """Number of elements of a shape."""
    total = 1
    for extent in shape:
        total *= extent
    return total
