"""Names and shapes of a network's variables, from its architecture alone.  Pure Python."""

import collections

from models import arch as arch_lib


def shapes(arch, names, num_classes):
    """OrderedDict of variable name -> shape as a list.

    Args:
        arch: arch.Arch; with head None the last block leads to the classifier.
        names: naming.Names of that Arch.
        num_classes: width of the logits.
    """
    table = collections.OrderedDict()
    leaves = names.leaves
    _conv(table, names.stem, [3, 3, 3, arch.stem], leaves)
    _norm(table, names.stem_bn, arch.stem)
    channels = arch.stem
    for block, scopes in zip(arch.blocks, names.blocks):
        _block(table, channels, block, scopes, leaves)
        channels = block.outputs
    if names.head:
        _conv(table, names.head, [1, 1, channels, arch.head], leaves)
        _norm(table, names.head_bn, arch.head)
        channels = arch.head
    ones = [1, 1] if arch.classifier == 'conv' else []
    _conv(table, names.classifier, ones + [channels, num_classes], leaves, bias=True)
    return table


def _block(table, channels, block, scopes, leaves):
    if block.experts:
        _conv(table, scopes.routing, [channels, block.experts], leaves, bias=True)
    if block.expand_groups:
        _pointwise(table, scopes.expand, channels, block.expanded, block, leaves)
        _norm(table, scopes.expand_bn, block.expanded)
    # Without an expansion the depthwise has the channels that arrive, not those declared.
    expanded = block.expanded if block.expand_groups else channels
    widths = arch_lib.split_channels(expanded, len(scopes.depthwise))
    for scope, kernel, width in zip(scopes.depthwise, block.kernels, widths):
        if block.experts:
            table[f'{scope}/depthwise_condconv_kernel'] = [block.experts, kernel * kernel * width]
        else:
            table[f'{scope}/{leaves.depthwise}'] = [kernel, kernel, width, 1]
    _norm(table, scopes.depthwise_bn, expanded)
    if block.reduced:
        squeeze, excite = scopes.se
        _conv(table, squeeze, [1, 1, expanded, block.reduced], leaves, bias=True)
        _conv(table, excite, [1, 1, block.reduced, expanded], leaves, bias=True)
    _pointwise(table, scopes.project, expanded, block.outputs, block, leaves)
    _norm(table, scopes.project_bn, block.outputs)


def _pointwise(table, scopes, inputs, outputs, block, leaves):
    """A 1x1 convolution in channel groups, or one with mixed experts."""
    if block.experts:
        table[f'{scopes[0]}/condconv_kernel'] = [block.experts, inputs * outputs]
        return
    splits = [arch_lib.split_channels(size, len(scopes)) for size in (inputs, outputs)]
    for scope, channels, filters in zip(scopes, *splits):
        _conv(table, scope, [1, 1, channels, filters], leaves)


def _conv(table, scope, shape, leaves, bias=False):
    table[f'{scope}/{leaves.kernel}'] = shape
    if bias:
        table[f'{scope}/{leaves.bias}'] = shape[-1:]


def _norm(table, scope, channels):
    for leaf in ('gamma', 'beta', 'moving_mean', 'moving_variance'):
        table[f'{scope}/{leaf}'] = [channels]
