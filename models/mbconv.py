"""The shared trunk: stem, inverted-residual blocks, head.

It implements exactly the union of what MixNet, MnasNet, EfficientNet and MobileNetV2 need, from
the fields of Arch and Block; what only one family has is handed in as a function.
"""

import tensorflow.compat.v1 as tf

from models import layers, noise


def plain(x, block, names, settings):
    """The convolutions of a block of every family but CondConv."""
    del x, block, names, settings
    return layers.PLAIN


def build(images, arch, names, settings, num_classes, convolutions=plain):
    """Builds the network.

    Args:
        images: [batch, height, width, 3], normalised.
        arch: Arch.
        names: naming.Names of that Arch.
        settings: layers.Settings.
        num_classes: width of the logits.
        convolutions: (block input, Block, BlockNames, settings) -> layers.Convolutions.

    Returns:
        (float32 logits [batch, num_classes], dict of endpoints).
    """
    endpoints = {}
    x = enter(images, settings)
    with tf.name_scope('stem'):
        x = layers.conv_bn(x, names.stem, names.stem_bn, arch.stem, settings, arch.activation,
                           kernel=3, stride=2)
    endpoints['stem'] = x
    for index, (block, block_names) in enumerate(zip(arch.blocks, names.blocks)):
        with tf.name_scope(f'block_{index}'):
            x, expansion = inverted_residual(x, block, block_names, settings, convolutions)
        endpoints[f'block_{index}/expansion_output'] = expansion
        endpoints[f'block_{index}'] = x
    with tf.name_scope('head'):
        x = layers.conv_bn(x, names.head, names.head_bn, arch.head, settings, arch.activation)
    endpoints['head'] = x
    logits = classify(x, arch, names.classifier, settings, num_classes, endpoints)
    return logits, endpoints


def enter(images, settings):
    """The images in the layout of the convolutions."""
    return images if settings.data_format == 'NHWC' else tf.transpose(images, [0, 3, 1, 2])


def inverted_residual(x, block, names, settings, convolutions):
    """Expand, depthwise, squeeze-excite, project; returns (output, input of the projection)."""
    shortcut = x
    convs = convolutions(x, block, names, settings)
    activation = layers.ACTIVATIONS[block.activation]
    if block.expand_groups:
        x = convs.expand(x, names.expand, block.expanded, settings)
        x = activation(layers.batch_norm(x, names.expand_bn, settings))
    x = convs.depthwise(x, names.depthwise, block.kernels, block.stride, settings)
    x = activation(layers.batch_norm(x, names.depthwise_bn, settings))
    if block.reduced:
        x = layers.squeeze_excite(x, names.se, block.reduced, block.activation, settings)
    expansion = x
    x = convs.project(x, names.project, block.outputs, settings)
    x = layers.batch_norm(x, names.project_bn, settings)
    if block.residual:
        x = shortcut + noise.drop_connect(x, block.survival, names.scope, settings)
    return x, expansion


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
