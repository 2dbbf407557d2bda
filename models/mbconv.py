"""The shared trunk: stem, inverted-residual blocks, head.

It implements exactly the union of what MixNet, MnasNet, EfficientNet and MobileNetV2 need, from
the fields of Arch and Block; what only one family has is handed in as a function.
"""

import tensorflow.compat.v1 as tf

from models import groups, layers, noise, norm


def plain(x, block, names, settings):
    """The convolutions of a block of every family but CondConv."""
    del x, block, names, settings
    return groups.PLAIN


def build(images, arch, names, settings, num_classes, convolutions=plain):
    """Builds the network.

    Args:
        images: [batch, height, width, 3], normalised.
        arch: Arch.
        names: naming.Names of that Arch.
        settings: layers.Settings.
        num_classes: width of the logits.
        convolutions: (block input, Block, BlockNames, settings) -> groups.Convolutions.

    Returns:
        (float32 logits [batch, num_classes], dict of endpoints).
    """
    endpoints = {}
    x = enter(images, settings)
    with tf.name_scope('stem'):
        x = norm.conv_bn(x, names.stem, names.stem_bn, arch.stem, settings, arch.activation,
                           kernel=3, stride=2)
    endpoints['stem'] = x
    for index, (block, block_names) in enumerate(zip(arch.blocks, names.blocks)):
        with tf.name_scope(f'block_{index}'):
            x, parts = inverted_residual(x, block, block_names, settings, convolutions)
            endpoints[f'block_{index}/expansion_output'] = layers.join(parts, settings)
        endpoints[f'block_{index}'] = x
    with tf.name_scope('head'):
        x = norm.conv_bn(x, names.head, names.head_bn, arch.head, settings, arch.activation)
    endpoints['head'] = x
    logits = classify(x, arch, names.classifier, settings, num_classes, endpoints)
    return logits, endpoints


def enter(images, settings):
    """The images in the layout of the convolutions."""
    return images if settings.data_format == 'NHWC' else tf.transpose(images, [0, 3, 1, 2])


def inverted_residual(x, block, names, settings, convolutions):
    """Expand, depthwise, squeeze-excite, project; returns (output, parts that were projected)."""
    shortcut = x
    convs = convolutions(x, block, names, settings)
    parts = [x]
    if block.expand_groups:
        widths = _parts(block, settings)
        parts = _active(convs.expand(parts, names.expand, names.expand_bn, widths, settings), block)
    parts = _active(convs.depthwise(parts, names.depthwise, names.depthwise_bn, block.kernels,
                                    block.stride, settings), block)
    if block.reduced:
        parts = layers.squeeze_excite(parts, names.se, block.reduced, block.activation, settings)
    x, = convs.project(parts, names.project, names.project_bn, [block.outputs], settings)
    if block.residual:
        x = shortcut + noise.drop_connect(x, block.survival, names.scope, settings)
    return x, parts


def _parts(block, settings):
    """Widths in which the expanded tensor of a block travels."""
    return groups.widths_of(block.expanded, (
        block.expand_groups, len(block.kernels), block.project_groups), settings)


def _active(parts, block):
    return [layers.ACTIVATIONS[block.activation](part) for part in parts]


def classify(x, arch, scope, settings, num_classes, endpoints):
    """Global pooling, dropout, classifier; adds 'features' and 'logits' to the endpoints."""
    with tf.name_scope('logits'):
        features = layers.global_pool(x, settings)
        x = noise.dropout(features, arch.dropout, f'{scope}/dropout', settings)
        logits = layers.dense(x, scope, num_classes, settings,
                              kernel_rank=4 if arch.classifier == 'conv' else 2)
    endpoints['features'] = features
    endpoints['logits'] = logits
    return logits
