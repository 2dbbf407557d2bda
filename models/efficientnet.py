"""EfficientNet: one searched network scaled in width, depth and resolution together.

B0 comes from MnasNet's search space with squeeze-excite and swish everywhere; B1 to B8 and L2
multiply its channels, its repeats and its input size by compound coefficients. Residual branches
are dropped at random in training, the later the more often.

    name               parameters   resolution   multiply-adds [1]   top-1 [1]
    efficientnet-b0        5.29 M          224              0.39 B      77.3 %
    efficientnet-b1        7.79 M          240              0.70 B      79.2 %
    efficientnet-b2        9.11 M          260               1.0 B      80.1 %
    efficientnet-b3       12.23 M          300               1.8 B      81.6 %
    efficientnet-b4       19.34 M          380               4.2 B      82.9 %
    efficientnet-b5       30.39 M          456               9.9 B      83.6 %
    efficientnet-b6       43.04 M          528                19 B      84.0 %
    efficientnet-b7       66.35 M          600                37 B      84.3 %
    efficientnet-b8       87.41 M          672                   -           -
    efficientnet-l2      480.31 M          800                   -           -

    python main.py --model_name=efficientnet-b0 --data_dir=/data/imagenet --recipe=tpu

NOTE B0 and B1 are the figures of the CondConv README, which compares with its own networks.

[1] M. Tan, Q. Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks,
    ICML 2019, arXiv:1905.11946.
Agrees with models/official/efficientnet of tensorflow/tpu. Scope: the name.
"""

import functools

from models import arch as arch_lib
from models import mbconv, naming
from models.network import Network, decay_all_but_norm, published

BLOCKS = (                                      # at B0's resolution
    'r1_k3_s11_e1_i32_o16_se0.25',              # 112 x 112
    'r2_k3_s22_e6_i16_o24_se0.25',              # 56 x 56
    'r2_k5_s22_e6_i24_o40_se0.25',              # 28 x 28
    'r3_k3_s22_e6_i40_o80_se0.25',              # 14 x 14
    'r3_k5_s11_e6_i80_o112_se0.25',
    'r4_k5_s22_e6_i112_o192_se0.25',            # 7 x 7
    'r1_k3_s11_e6_i192_o320_se0.25',
)

STEM, HEAD = 32, 1280                           # both scaled with the width

_PAPER, _README = 'arXiv:1905.11946', 'tensorflow/tpu CondConv README'

# name: (width, depth, resolution, dropout, published)
ARCHS = {
    'efficientnet-b0': (1.0, 1.0, 224, 0.2, (5.3, 391, 77.3, _README)),
    'efficientnet-b1': (1.0, 1.1, 240, 0.2, (7.8, 700, 79.2, _README)),
    'efficientnet-b2': (1.1, 1.2, 260, 0.3, (9.2, 1000, 80.1, _PAPER)),
    'efficientnet-b3': (1.2, 1.4, 300, 0.3, (12, 1800, 81.6, _PAPER)),
    'efficientnet-b4': (1.4, 1.8, 380, 0.4, (19, 4200, 82.9, _PAPER)),
    'efficientnet-b5': (1.6, 2.2, 456, 0.4, (30, 9900, 83.6, _PAPER)),
    'efficientnet-b6': (1.8, 2.6, 528, 0.5, (43, 19000, 84.0, _PAPER)),
    'efficientnet-b7': (2.0, 3.1, 600, 0.5, (66, 37000, 84.3, _PAPER)),
    'efficientnet-b8': (2.2, 3.6, 672, 0.5, ()),
    'efficientnet-l2': (4.3, 5.3, 800, 0.5, ()),
}

RECIPE = {
    'train_batch_size': 2048,
    'eval_batch_size': 64,
    'train_epochs': 350,                # there 218,949 steps at 2048
    'optimizer': 'rmsprop',
    'rmsprop_decay': 0.9,
    'rmsprop_momentum': 0.9,
    'optimizer_epsilon': 0.001,
    'base_learning_rate': 0.016,        # per 256 examples
    'lr_schedule': 'exponential',
    'lr_decay_factor': 0.97,
    'lr_decay_epoch': 2.4,
    'lr_warmup_epochs': 5,
    'weight_decay': 1e-5,
    'label_smoothing': 0.1,
    'moving_average_decay': 0.9999,
    'moving_average_order': 'after',
}

RECIPES = {'tpu': RECIPE}

ON_DIGITS = {'survival_prob': 1.0}     # 16 short epochs are no time for dropped branches

DEFAULTS = {
    'depth_divisor': 8,
    'min_depth': None,
    'survival_prob': 0.8,               # of the last residual branch
    'batch_norm_momentum': 0.99,
    'batch_norm_epsilon': 1e-3,
    'padding': 'same',
    'batch_norm_statistics': 'batch',
    'data_format': 'channels_last',
}


def make_arch(blocks, options, experts=0):
    """Arch of block strings under the options; also EfficientNet-CondConv's."""
    rounded = functools.partial(
        arch_lib.round_channels, multiplier=options.depth_multiplier,
        divisor=options.depth_divisor, min_depth=options.min_depth)
    return arch_lib.Arch(
        blocks=arch_lib.make_blocks(
            blocks, rounded, 'swish', experts=experts, survival=options.survival_prob,
            repeats=functools.partial(
                arch_lib.round_repeats, multiplier=options.depth_coefficient)),
        stem=rounded(STEM), head=rounded(HEAD), activation='swish',
        dropout=options.dropout_rate, classifier='dense')


def plan(name, options):
    """(Arch, Names) of a variant under these options."""
    arch = make_arch(BLOCKS, options)
    return arch, naming.numbered(arch, name, norm='tpu_batch_normalization')


def build(images, planned, options, settings, num_classes, convolutions=mbconv.plain):
    """Logits and endpoints; see models.network.Network.build."""
    del options
    return mbconv.build(images, *planned, settings._replace(biased_variance=True), num_classes,
                        convolutions)


NETWORKS = tuple(
    Network(
        name=name, family='efficientnet', scope=name, image_size=size, num_classes=1000,
        preprocessing='tpu_bicubic', recipes=RECIPES, published=published(*numbers),
        defaults=dict(DEFAULTS, dropout_rate=dropout, depth_multiplier=width,
                      depth_coefficient=depth),
        decayed=decay_all_but_norm, plan=functools.partial(plan, name), builder=build,
        on_digits=ON_DIGITS)
    for name, (width, depth, size, dropout, numbers) in ARCHS.items())
