"""Names of a network's variables, computed up front from its architecture.  Pure Python.

The originals let TensorFlow number their layers while the graph grows, so a name depends on
construction order and on what else the graph holds. Here every name is a table entry: building
two networks in one graph, or a faster implementation of a layer, cannot move one, and a
checkpoint of an original (weights, optimizer slots, averages) fits without renaming.

Three schemes exist. slim names a layer by its place (`MobilenetV2/expanded_conv_3/expand`).
tf.layers numbers the layers of a kind within their scope. Keras numbers the layers of a kind
through the whole graph in the order of construction -- all blocks, then stem, then head -- and
puts them below the scope of the Keras model.
"""

import collections

Names = collections.namedtuple('Names', 'leaves stem stem_bn blocks head head_bn classifier')
BlockNames = collections.namedtuple(
    'BlockNames', 'scope expand expand_bn depthwise depthwise_bn se project project_bn routing')
Leaves = collections.namedtuple('Leaves', 'kernel depthwise bias')

LAYERS_LEAVES = Leaves('kernel', 'depthwise_kernel', 'bias')
SLIM_LEAVES = Leaves('weights', 'depthwise_weights', 'biases')
KERAS_KINDS = ('conv2d', 'depthwise_conv2d', 'dense')


class _Numbering:
    """Hands out layer names: tf.layers' rule, and Keras' for the kinds made by Keras."""

    def __init__(self, scope, model, keras_kinds):
        self._scope = scope
        self._model = f'{scope}/{model}'
        self._keras_kinds = keras_kinds
        self._counts = collections.Counter()

    def take(self, part, kind):
        """The scope of the next layer of this kind in this part of the network."""
        keras = kind in self._keras_kinds
        counter = kind if keras else f'{part}/{kind}'
        number = self._counts[counter]
        self._counts[counter] += 1
        suffix = f'_{number}' if number else ''
        return f'{self._model if keras else self._scope}/{part}/{kind}{suffix}'


def numbered(arch, scope, model='', keras_kinds=(), stem='stem', block='blocks_{}', head='head',
             norm='batch_normalization'):
    """Names of a network written with tf.layers, Keras, or both.

    Args:
        arch: the Arch.
        scope: outermost scope, the model's name.
        model: scope of the Keras model, below `scope`.
        keras_kinds: kinds of layer made by Keras; the others are tf.layers'.
        stem, block, head: scopes of the parts; `block` has a place for the index.
        norm: name of the batch norm layers, always tf.layers'.
    """
    numbering = _Numbering(scope, model, keras_kinds)
    blocks = tuple(_numbered_block(numbering, row, block.format(index), norm, scope)
                   for index, row in enumerate(arch.blocks))
    return Names(
        leaves=LAYERS_LEAVES,
        blocks=blocks,
        stem=numbering.take(stem, 'conv2d'),
        stem_bn=numbering.take(stem, norm),
        head=numbering.take(head, 'conv2d'),
        head_bn=numbering.take(head, norm),
        classifier=numbering.take(head, 'dense'))


def _numbered_block(numbering, row, part, norm, scope):
    conv = 'cond_conv2d' if row.experts else 'conv2d'
    depthwise = 'depthwise_cond_conv2d' if row.experts else 'depthwise_conv2d'
    if row.experts:
        numbering.take(part, conv)  # the original makes a fused convolution and never calls it

    def several(place, kind, count):
        return tuple(numbering.take(place, kind) for _ in range(count))

    # A tuple displays in field order; the calls below run in the originals' order.
    expand = several(part, conv, row.expand_groups)
    depthwise = several(part, depthwise, len(row.kernels))
    se = several(f'{part}/se', 'conv2d', 2 if row.reduced else 0)
    project = several(part, conv, row.project_groups)
    return BlockNames(
        scope=f'{scope}/{part}',
        expand=expand,
        expand_bn=numbering.take(part, norm) if row.expand_groups else None,
        depthwise=depthwise,
        depthwise_bn=numbering.take(part, norm),
        se=se,
        project=project,
        project_bn=numbering.take(part, norm),
        routing=numbering.take(part, 'dense') if row.experts else None)


def keras(arch, scope, model, **parts):
    """Names of a network whose layers are Keras' and whose batch norm is tf.layers'."""
    return numbered(arch, scope, model=model, keras_kinds=KERAS_KINDS, **parts)


def slim(arch, scope, classifier):
    """Names of slim's MobileNetV2; `classifier` is the scope of the last layer."""
    blocks = []
    for index in range(len(arch.blocks)):
        place = f'{scope}/expanded_conv_{index}' if index else f'{scope}/expanded_conv'
        expand = arch.blocks[index].expand_groups
        blocks.append(BlockNames(
            scope=place,
            expand=(f'{place}/expand',) if expand else (),
            expand_bn=f'{place}/expand/BatchNorm' if expand else None,
            depthwise=(f'{place}/depthwise',),
            depthwise_bn=f'{place}/depthwise/BatchNorm',
            se=(),
            project=(f'{place}/project',),
            project_bn=f'{place}/project/BatchNorm',
            routing=None))
    return Names(
        leaves=SLIM_LEAVES, blocks=tuple(blocks),
        stem=f'{scope}/Conv', stem_bn=f'{scope}/Conv/BatchNorm',
        head=f'{scope}/Conv_1', head_bn=f'{scope}/Conv_1/BatchNorm',
        classifier=f'{scope}/{classifier}')
