"""MobileNetV1: depthwise separable convolutions from the first layer to the last.

Thirteen pairs of a 3x3 depthwise and a 1x1 convolution, each with batch norm and relu6, in the
place of full convolutions; the width multiplier thins every layer.

    name               parameters   multiply-adds   top-1 [2]
    mobilenet_v1           4.23 M          569 M       70.9 %
    mobilenet_v1_075       2.59 M          325 M       68.4 %
    mobilenet_v1_050       1.33 M          150 M       63.3 %
    mobilenet_v1_025       0.47 M           41 M       49.8 %

    python main.py --model_name=mobilenet_v1 --data_dir=/data/imagenet --recipe=mindspore-imagenet

NOTE slim's own table says 317 M for _075; the paper and the code give 325 M.

[1] A. Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
    Applications, arXiv:1704.04861.
[2] slim's nets/mobilenet_v1.md.
Agrees with slim's nets/mobilenet_v1.py. Scope: MobilenetV1/.
"""

import tensorflow.compat.v1 as tf

from models import arch as arch_lib
from models import groups, layers, mbconv, mobilenet_v2, naming, norm
from models.network import Network, decay_conv_weights, published

SCOPE = 'MobilenetV1'
CLASSIFIER = f'{SCOPE}/Logits/Conv2d_1c_1x1'

STEM = 32

# (channels, stride) of each separable convolution
SEPARABLE = (
    (64, 1),                                                        # 112 x 112
    (128, 2), (128, 1),                                             # 56 x 56
    (256, 2), (256, 1),                                             # 28 x 28
    (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),     # 14 x 14
    (1024, 2), (1024, 1),                                           # 7 x 7
)

# name: (width, published)
ARCHS = {
    'mobilenet_v1': (1.0, (4.24, 569, 70.9)),
    'mobilenet_v1_075': (0.75, (2.59, 317, 68.4)),
    'mobilenet_v1_050': (0.5, (1.34, 150, 63.3)),
    'mobilenet_v1_025': (0.25, (0.47, 41, 49.8)),
}

_MINDSPORE = {
    'optimizer': 'momentum',
    'momentum': 0.9,
    'weight_decay': 1e-4,
    'weight_decay_on': 'kernels',
    'precision_mode': 'allow_mix_precision',    # amp O2
    'log_style': 'mindspore',
    'loss_scale': 1024,
    'batch_norm_momentum': 0.9,         # nn.BatchNorm2d's own
    'batch_norm_epsilon': 1e-5,
    'dropout_rate': 0.0,
    'moving_average_decay': 0.0,
    'train_epochs': 90,
}

_IMAGENET = dict(                       # default_config_imagenet.yaml
    _MINDSPORE,
    train_batch_size=256,               # a device
    learning_rate=0.8,
    lr_schedule='mindspore_linear',     # what its "linear" and any unknown word give
    lr_init=0.0,
    end_learning_rate=0.0,
    lr_warmup_epochs=0,
    label_smoothing=0.1,
    label_smoothing_style='mindspore',
    preprocessing_name='torch')

_CIFAR10 = dict(                        # default_config.yaml
    _MINDSPORE,
    train_batch_size=32,
    learning_rate=0.1,
    lr_schedule='mindspore_poly',       # power 2, down to 0: the end rate is never read
    lr_init=0.01,
    end_learning_rate=1e-5,
    lr_warmup_epochs=5,
    label_smoothing=0.0,
    preprocessing_name='cifar')

# train.py on a GPU or a CPU: float32, no loss scale, every variable decays.
_NOT_ASCEND = {'precision_mode': 'must_keep_origin_dtype', 'loss_scale': None,
               'weight_decay_on': 'all'}

RECIPES = {
    'slim': {                           # mobilenet_v1_train.py
        'train_batch_size': 64,
        'optimizer': 'sgd',
        'learning_rate': 0.045,
        'lr_schedule': 'slim_exponential',
        'lr_decay_factor': 0.94,
        'lr_decay_epoch': 2.5,
        'lr_warmup_epochs': 0,
        'weight_decay': 4e-5,
        'label_smoothing': 0.0,
        'moving_average_decay': 0.0,
        'train_epochs': 100,            # the original trains until stopped
    },
    'mindspore-imagenet': _IMAGENET,
    'mindspore-imagenet-gpu': dict(_IMAGENET, **_NOT_ASCEND),
    'mindspore-cifar10': _CIFAR10,
    'mindspore-cifar10-gpu': dict(_CIFAR10, **_NOT_ASCEND),
}
LAUNCHER = ((1, 'mindspore-imagenet'),)

DEFAULTS = {
    'dropout_rate': 0.001,
    'min_depth': 8,
    'batch_norm_momentum': 0.9997,
    'batch_norm_epsilon': 1e-3,
    'padding': 'same',
    'batch_norm_statistics': 'batch',
    'data_format': 'channels_last',
}


def plan(options):
    """(Arch, Names); no divisor rounding, and nothing inverted: blocks do not expand."""
    def width(channels):
        return max(int(channels * options.depth_multiplier), int(options.min_depth))

    blocks = tuple(
        naming.BlockNames(
            scope=f'{SCOPE}/Conv2d_{index}', expand=(), expand_bn=None, se=(), routing=None,
            depthwise=(f'{SCOPE}/Conv2d_{index}_depthwise',),
            depthwise_bn=f'{SCOPE}/Conv2d_{index}_depthwise/BatchNorm',
            project=(f'{SCOPE}/Conv2d_{index}_pointwise',),
            project_bn=f'{SCOPE}/Conv2d_{index}_pointwise/BatchNorm')
        for index in range(1, len(SEPARABLE) + 1))
    names = naming.Names(
        leaves=naming.SLIM_LEAVES, blocks=blocks, stem=f'{SCOPE}/Conv2d_0',
        stem_bn=f'{SCOPE}/Conv2d_0/BatchNorm', head=None, head_bn=None, classifier=CLASSIFIER)
    outputs = [width(channels) for channels, _ in SEPARABLE]
    blocks = tuple(
        arch_lib.Block(kernels=(3,), stride=stride, expanded=before, inputs=before, outputs=after,
                       reduced=0, expand_groups=0, project_groups=1, activation='relu6',
                       residual=False, survival=1.0, experts=0)
        for (_, stride), before, after in zip(SEPARABLE, [width(STEM)] + outputs, outputs))
    arch = arch_lib.Arch(blocks=blocks, stem=width(STEM), head=None, activation='relu6',
                         dropout=options.dropout_rate, classifier='conv')
    return arch, names


def separable(x, block, names, settings):
    """Depthwise 3x3 and 1x1 convolution, each with batch norm and relu6; returns both outputs."""
    depthwise, = groups.mixed_depthwise([x], names.depthwise, names.depthwise_bn, block.kernels,
                                        block.stride, settings)
    depthwise = layers.ACTIVATIONS[block.activation](depthwise)
    return depthwise, norm.conv_bn(depthwise, names.project[0], names.project_bn, block.outputs,
                                   settings, block.activation)


def build(images, planned, options, settings, num_classes):
    """Logits and endpoints; see models.network.Network.build.

    NOTE slim pools with a 7x7 window, cut to the map of smaller images. Pooling the whole map is
    the same up to 224 pixels and works beyond, where slim's window leaves more than one position.
    """
    del options
    arch, names = planned
    settings = settings._replace(initializers=mobilenet_v2.SLIM_INITIALIZERS)
    x = mbconv.enter(images, settings)
    x = norm.conv_bn(x, names.stem, names.stem_bn, arch.stem, settings, arch.activation,
                       kernel=3, stride=2)
    endpoints = {'stem': x}
    for index, (block, scopes) in enumerate(zip(arch.blocks, names.blocks)):
        with tf.name_scope(f'block_{index}'):
            depthwise, x = separable(x, block, scopes, settings)
        endpoints[f'block_{index}/depthwise'] = depthwise
        endpoints[f'block_{index}'] = x
    endpoints['head'] = x
    logits = mbconv.classify(x, arch, names.classifier, settings, num_classes, endpoints)
    return logits, endpoints


NETWORKS = tuple(
    Network(
        name=name, family='mobilenet_v1', scope=SCOPE, image_size=224, num_classes=1001,
        preprocessing='inception', recipes=RECIPES, launcher=LAUNCHER,
        published=published(*numbers, source='slim nets/mobilenet_v1.md'),
        defaults=dict(DEFAULTS, depth_multiplier=width),
        decayed=decay_conv_weights, plan=plan, builder=build)
    for name, (width, numbers) in ARCHS.items())
