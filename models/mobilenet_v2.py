"""MobileNetV2: inverted residuals with linear bottlenecks.

Each block widens a thin tensor sixfold, filters it depthwise and projects it back without an
activation; the residual connection joins the thin ends.

    name               parameters   multiply-adds   top-1 [2]
    mobilenet_v2           3.51 M          301 M       71.8 %
    mobilenet_v2_035       1.68 M           59 M       60.3 %
    mobilenet_v2_050       1.97 M           97 M       65.4 %
    mobilenet_v2_075       2.64 M          209 M       69.8 %
    mobilenet_v2_130       5.39 M          509 M       74.4 %
    mobilenet_v2_140       6.11 M          582 M       75.0 %

    python main.py --model_name=mobilenet_v2 --data_dir=/data/imagenet --recipe=slim
    python main.py --model_name=mobilenet_v2 --classifier=fc --recipe=ascend ...

NOTE The published parameter counts leave out batch norm's gamma and beta; the table does not.

[1] M. Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018,
    arXiv:1801.04381.
[2] slim's nets/mobilenet/README.md.
Agrees with slim's nets/mobilenet, and with the Ascend port's MobileNetV2_ID0074 under
`--classifier=fc`. Scope: MobilenetV2/.
"""

import functools

import tensorflow.compat.v1 as tf

from models import arch as arch_lib
from models import mbconv, naming
from models.initializers import Initializers
from models.network import Network, decay_conv_weights, published

SCOPE = 'MobilenetV2'

_BLOCKS = (
    'r1_k3_s11_e1_i32_o16',         # 112 x 112
    'r2_k3_s22_e6_i16_o24',         # 56 x 56
    'r3_k3_s22_e6_i24_o32',         # 28 x 28
    'r4_k3_s22_e6_i32_o64',         # 14 x 14
    'r3_k3_s11_e6_i64_o96',
    'r3_k3_s22_e6_i96_o160',        # 7 x 7
    'r1_k3_s11_e6_i160_o320',
)

STEM, HEAD = 32, 1280

# name: (width, finegrain, published); finegrain keeps the head's 1280 channels when width < 1
ARCHS = {
    'mobilenet_v2': (1.0, False, (3.47, 300, 71.8)),
    'mobilenet_v2_035': (0.35, True, (1.66, 59, 60.3)),
    'mobilenet_v2_050': (0.5, True, (1.95, 97, 65.4)),
    'mobilenet_v2_075': (0.75, True, (2.61, 209, 69.8)),
    'mobilenet_v2_130': (1.3, False, (5.34, 509, 74.4)),
    'mobilenet_v2_140': (1.4, False, (6.06, 582, 75.0)),
}

_SLIM = {                                   # nets/mobilenet/README.md
    'train_batch_size': 96,                 # on each GPU
    'optimizer': 'rmsprop',
    'rmsprop_decay': 0.9,
    'rmsprop_momentum': 0.9,
    'optimizer_epsilon': 1.0,
    'lr_schedule': 'slim_exponential',
    'lr_decay_factor': 0.98,
    'lr_warmup_epochs': 0,
    'weight_decay': 4e-5,
    'label_smoothing': 0.1,
    'moving_average_decay': 0.9999,
    'moving_average_order': 'before',
}

RECIPES = {
    # There: 0.045 x GPUs, decayed every 2.5 / GPUs epochs; 5.5 M steps on one, 700 K on eight.
    'slim': dict(_SLIM, learning_rate=0.045, lr_decay_epoch=2.5, train_steps=5500000),
    'slim-8gpu': dict(_SLIM, learning_rate=0.36, lr_decay_epoch=0.3125, train_steps=700000),
    'ascend': {                             # README.md: the full run on 8 devices
        'classifier': 'fc',
        'train_batch_size': 256,            # on each device
        'train_epochs': 300,
        'optimizer': 'momentum',
        'momentum': 0.9,
        'base_learning_rate': 0.1,          # 0.8 on 8 devices (README), 0.1 on one (full_1p);
                                            # train_1p.sh has 0.4, train_performance_1p.sh 0.8
        'lr_schedule': 'cosine_annealing',
        'lr_warmup_epochs': 5,
        'weight_decay': 4e-5,
        'label_smoothing': 0.1,
        'moving_average_decay': 0.9999,
        'moving_average_order': 'before',
        'precision_mode': 'allow_mix_precision',
        'loss_scale': 4096,
        'preprocessing_name': 'inception_ascend',
        'log_style': 'ascend_mobilenet',
    },
}
LAUNCHER = ((1, 'ascend'),)

DEFAULTS = {
    'dropout_rate': 0.2,
    'depth_divisor': 8,
    'depth_coefficient': None,
    'fixed_ends': False,    # width of stem and head, depth of first and last stage do not scale
    'min_depth': 8,
    'classifier': 'conv',
    'batch_norm_momentum': 0.997,
    'batch_norm_epsilon': 1e-3,
    'padding': 'same',
    'batch_norm_statistics': 'batch',
    'data_format': 'channels_last',
}

# --classifier: (scope, Arch.classifier)
CLASSIFIERS = {'conv': ('Logits/Conv2d_1c_1x1', 'conv'), 'fc': ('Logits/FC', 'dense')}


def truncated_normal(shape):
    """slim's initialiser of convolutions."""
    del shape
    return tf.truncated_normal_initializer(stddev=0.09)


def _scaled_normal(mode):
    def initializer(shape):
        del shape
        return tf.variance_scaling_initializer(2.0, mode, 'untruncated_normal')
    return initializer


def _small_normal(shape):
    del shape
    return tf.random_normal_initializer(stddev=0.01)


SLIM_INITIALIZERS = Initializers(truncated_normal, truncated_normal, truncated_normal)

INITIALIZERS = {
    'conv': SLIM_INITIALIZERS,
    'fc': Initializers(_scaled_normal('fan_out'), _scaled_normal('fan_in'), _small_normal),
}


def plan(options):
    """(Arch, Names) under these options."""
    if options.classifier not in CLASSIFIERS:
        raise ValueError(f'classifier {options.classifier!r}: use one of '
                         f'{", ".join(CLASSIFIERS)}.')
    rounded = functools.partial(
        arch_lib.round_channels, multiplier=options.depth_multiplier,
        divisor=options.depth_divisor, min_depth=options.min_depth)
    narrow = options.fixed_ends or options.finegrain and options.depth_multiplier < 1
    stem = STEM / options.depth_multiplier if options.fixed_ends else STEM
    scope, classifier = CLASSIFIERS[options.classifier]
    arch = arch_lib.Arch(
        blocks=_blocks(rounded, options),
        stem=rounded(stem), head=rounded(HEAD / options.depth_multiplier if narrow else HEAD),
        activation='relu6', dropout=options.dropout_rate, classifier=classifier)
    return arch, naming.slim(arch, SCOPE, scope)


def _blocks(rounded, options):
    rows = ()
    for text in _BLOCKS:
        fixed = options.fixed_ends and text in (_BLOCKS[0], _BLOCKS[-1])
        rows += arch_lib.make_blocks(
            [text], rounded, 'relu6', expanded=_expanded, repeats=functools.partial(
                arch_lib.round_repeats, multiplier=None if fixed else options.depth_coefficient))
    return rows


def _expanded(inputs, ratio):
    """Channels of the depthwise: a multiple of 8, except in the block that does not expand."""
    return inputs if ratio == 1 else arch_lib.round_channels(inputs * ratio, 1.0)


def build(images, planned, options, settings, num_classes):
    """Logits and endpoints; see models.network.Network.build."""
    settings = settings._replace(initializers=INITIALIZERS[options.classifier])
    return mbconv.build(images, *planned, settings, num_classes)


NETWORKS = tuple(
    Network(
        name=name, family='mobilenet_v2', scope=SCOPE, image_size=224, num_classes=1001,
        preprocessing='inception', recipes=RECIPES, launcher=LAUNCHER,
        published=published(*numbers, source='slim nets/mobilenet/README.md'),
        defaults=dict(DEFAULTS, depth_multiplier=width, finegrain=finegrain),
        decayed=decay_conv_weights, plan=plan, builder=build)
    for name, (width, finegrain, numbers) in ARCHS.items())
