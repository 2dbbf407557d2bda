"""Convolutions in channel groups, and how the groups travel through a block.

Tensors inside a block are lists of channel groups ("parts"). On a CPU a part never spans a border
of any convolution of the block, so that the wide tensors between them are not cut and joined, which
there costs as much as the convolutions; elsewhere, where each operator has a price of its own, the
parts are one tensor, cut and joined around grouped convolutions.
"""

import collections
import itertools

import tensorflow.compat.v1 as tf

from models import arch as arch_lib
from models import layers, norm

# Functions of one block: expand(parts, scopes, norm scope, widths, settings),
# depthwise(parts, scopes, norm scope, kernels, stride, settings), project as expand. Each gives
# parts, its batch norm included; `widths` are those of the parts it shall give.
Convolutions = collections.namedtuple('Convolutions', 'expand depthwise project')


def widths_of(channels, groups, settings):
    """Widths of the parts of a block's wide tensor.

    groups: number of channel groups of each convolution that meets it.
    """
    if settings.device != 'cpu':
        return [channels]
    borders = set()
    for number in groups:
        borders.update(_borders(arch_lib.split_channels(channels, max(number, 1))))
    return _widths(borders)


def grouped_conv(parts, scopes, norm_scope, widths, settings):
    """1x1 convolution in len(scopes) channel groups, each with its own variable; batch norm.

    A group whose inputs are several parts is the sum of their convolutions.
    """
    filters = sum(widths)
    groups = len(scopes)
    outputs = arch_lib.split_channels(filters, groups)
    pieces = _widths(_borders(outputs) | _borders(widths))
    inputs = _dealt(parts, groups, settings)

    def convolve(scale):
        kernels = [
            layers.kernel_of(scope, [1, 1, sum(_channels(group, settings)), width], settings)
            for scope, group, width in zip(scopes, inputs, outputs)]
        if scale:
            kernels = [kernel * part for kernel, part in zip(
                kernels, norm.split(scale(), outputs))]
        made = []
        for group, kernel, own in zip(inputs, kernels, _grouped(pieces, outputs)):
            made.extend(_summed(group, column, settings) for column in norm.split(kernel, own))
        return [layers.join(group, settings) for group in _gathered(made, pieces, widths)]

    return norm.normalised(convolve, norm_scope, widths, settings)


def mixed_depthwise(parts, scopes, norm_scope, kernels, stride, settings):
    """MixConv: a depthwise convolution, of its own kernel size for each channel group; batch norm.

    Parts that make up one group share its kernel size.
    """
    widths = _channels(parts, settings)
    inputs = _dealt(parts, len(scopes), settings)

    def convolve(scale):
        channels = [_channels(group, settings) for group in inputs]
        weights = [layers.depthwise_kernel_of(scope, kernel, sum(own), settings)
                   for scope, kernel, own in zip(scopes, kernels, channels)]
        if scale:
            scales = norm.split(scale(), [sum(own) for own in channels])
            weights = [kernel * part[:, tf.newaxis] for kernel, part in zip(weights, scales)]
        made = []
        for group, kernel, own in zip(inputs, weights, channels):
            rows = [kernel] if len(own) == 1 else tf.split(kernel, own, 2)
            made.extend(layers.convolve_depthwise(part, row, settings, stride)
                        for part, row in zip(group, rows))
        return [layers.join(group, settings) for group in _gathered(
            made, list(itertools.chain(*channels)), widths)]

    return norm.normalised(convolve, norm_scope, widths, settings)


PLAIN = Convolutions(expand=grouped_conv, depthwise=mixed_depthwise, project=grouped_conv)


def _summed(parts, kernel, settings):
    """1x1 convolution of channels that come in parts."""
    rows = [kernel] if len(parts) == 1 else tf.split(kernel, _channels(parts, settings), 2)
    made = [layers.convolve(part, row, settings) for part, row in zip(parts, rows)]
    return made[0] if len(made) == 1 else tf.add_n(made)


def _dealt(parts, groups, settings):
    """The parts of each channel group, cut where a border of the groups asks for it."""
    widths = _channels(parts, settings)
    wanted = arch_lib.split_channels(sum(widths), groups)
    pieces = _widths(_borders(widths) | _borders(wanted))
    cut = []
    for part, own in zip(parts, _grouped(pieces, widths)):
        cut.extend(layers.cut(part, own, settings))
    return _gathered(cut, pieces, wanted)


def _channels(parts, settings):
    return [layers.channels_of(part, settings) for part in parts]


def _borders(widths):
    """Where parts of these widths end: a set of channel numbers."""
    return set(itertools.accumulate(widths))


def _widths(borders):
    ends = sorted(borders)
    return [end - begin for begin, end in zip([0] + ends, ends)]


def _grouped(pieces, widths):
    """The widths `pieces`, in a list for each of the wider `widths` they make up."""
    return _gathered(pieces, pieces, widths)


def _gathered(things, pieces, widths):
    """`things` of the widths `pieces`, in a list for each of the `widths` they make up."""
    things, groups = iter(zip(things, pieces)), []
    for width in widths:
        group, filled = [], 0
        while filled < width:
            thing, piece = next(things)
            group.append(thing)
            filled += piece
        groups.append(group)
    return groups
