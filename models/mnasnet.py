"""MnasNet: mobile networks found by searching for accuracy and measured latency together.

Blocks of inverted residuals whose kernel size, expansion, squeeze-excite and depth differ from
stage to stage. A1 is the paper's main result, B1 the same search without squeeze-excite, small
a 68 M variant; d1 and d1-320 are later search results that only the code knows.

    name             parameters   multiply-adds   top-1    scope
    mnasnet-a1           3.89 M          312 M    75.2 %   mnasnet-a1/
    mnasnet-b1           4.38 M          314 M    74.5 %   mnasnet-b1/
    mnasnet-small        2.03 M           68 M    66 %     mnasnet-small/
    mnasnet-d1           3.64 M          968 M    -        mnasnet-d1/
    mnasnet-d1-320       6.93 M         3688 M    -        mnasnet-d1-320/   (at 320 x 320)

    python main.py --model_name=mnasnet-a1 --data_dir=/data/imagenet --recipe=tpu
    python main.py --model_name=mnasnet-a1 --depth_multiplier=0.5 ...

[1] M. Tan et al., MnasNet: Platform-Aware Neural Architecture Search for Mobile, CVPR 2019,
    arXiv:1807.11626.
Agrees with models/official/mnasnet of tensorflow/tpu.
"""

import functools

from models import arch as arch_lib
from models import mbconv, naming
from models.network import Network, decay_all_but_norm, published

_A1 = (
    'r1_k3_s11_e1_i32_o16_noskip',          # 112 x 112
    'r2_k3_s22_e6_i16_o24',                 # 56 x 56
    'r3_k5_s22_e3_i24_o40_se0.25',          # 28 x 28
    'r4_k3_s22_e6_i40_o80',                 # 14 x 14
    'r2_k3_s11_e6_i80_o112_se0.25',
    'r3_k5_s22_e6_i112_o160_se0.25',        # 7 x 7
    'r1_k3_s11_e6_i160_o320',
)

_B1 = (
    'r1_k3_s11_e1_i32_o16_noskip',          # 112 x 112
    'r3_k3_s22_e3_i16_o24',                 # 56 x 56
    'r3_k5_s22_e3_i24_o40',                 # 28 x 28
    'r3_k5_s22_e6_i40_o80',                 # 14 x 14
    'r2_k3_s11_e6_i80_o96',
    'r4_k5_s22_e6_i96_o192',                # 7 x 7
    'r1_k3_s11_e6_i192_o320_noskip',
)

# NOTE The first block declares 16 input channels where the stem gives 8, so the original adds no
# residual there although both ends have 8 channels; timm's does (first_residual).
_SMALL = (
    'r1_k3_s11_e1_i16_o8',                  # 112 x 112
    'r1_k3_s22_e3_i8_o16',                  # 56 x 56
    'r2_k3_s22_e6_i16_o16',                 # 28 x 28
    'r4_k5_s22_e6_i16_o32_se0.25',          # 14 x 14
    'r3_k3_s11_e6_i32_o32_se0.25',
    'r3_k5_s22_e6_i32_o88_se0.25',          # 7 x 7
    'r1_k3_s11_e6_i88_o144',
)

_D1 = (
    'r1_k3_s11_e9_i32_o24',                 # 112 x 112
    'r3_k3_s22_e9_i24_o36',                 # 56 x 56
    'r5_k3_s22_e9_i36_o48',                 # 28 x 28
    'r4_k5_s22_e9_i48_o96',                 # 14 x 14
    'r5_k7_s11_e3_i96_o96',
    'r3_k3_s22_e9_i96_o80',                 # 7 x 7
    'r1_k7_s11_e6_i80_o320_noskip',
)

_D1_320 = (
    'r3_k5_s11_e6_i32_o24',                 # 160 x 160
    'r4_k7_s22_e9_i24_o36',                 # 80 x 80
    'r5_k5_s22_e9_i36_o48',                 # 40 x 40
    'r5_k7_s22_e6_i48_o96',                 # 20 x 20
    'r5_k3_s11_e9_i96_o144',
    'r5_k5_s22_e6_i144_o160',               # 10 x 10
    'r1_k7_s11_e9_i160_o320',
)

HEAD = 1280     # not scaled by the width multiplier

# NOTE 224 x 224 is every network's resolution unless --input_image_size says otherwise, also for
# mnasnet-d1-320, as in the original.
# name: (blocks, stem, dropout, use_keras, published)
ARCHS = {
    'mnasnet-a1': (_A1, 32, 0.2, True, (3.9, 315.2, 75.2, 'tensorflow/tpu mnasnet README')),
    'mnasnet-b1': (_B1, 32, 0.2, True, (4.4, 315, 74.5, 'arXiv:1807.11626')),
    'mnasnet-small': (_SMALL, 8, 0.0, True, (2.0, 68, 66, 'tensorflow/tpu mnasnet README')),
    'mnasnet-d1': (_D1, 32, 0.2, False, ()),
    'mnasnet-d1-320': (_D1_320, 32, 0.2, False, ()),
}

# NOTE The original's configuration also sets dropout 0.2, which overrides mnasnet-small's 0 and
# mixnet-m and -l's 0.25 unless a yaml of its own resets it; here the network's own value holds.
RECIPE = {
    'train_batch_size': 1024,
    'eval_batch_size': 1024,
    'train_epochs': 350,                # there 437,898 steps at 1024
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

RECIPES = {
    'tpu': RECIPE,
    # One device. NOTE The port lost the length of the run; its steps are given on the command line.
    'ascend': dict(RECIPE, train_batch_size=64, eval_batch_size=64,
                   precision_mode='allow_mix_precision'),
}
LAUNCHER = ((1, 'ascend'),)

DEFAULTS = {
    'depth_multiplier': None,       # of the width, in spite of its name
    'depth_divisor': 8,
    'min_depth': None,
    'batch_norm_momentum': 0.99,
    'batch_norm_epsilon': 1e-3,
    'padding': 'same',
    'batch_norm_statistics': 'batch',
    'data_format': 'channels_last',
}


def make_arch(blocks, stem, head, options, first_residual=False):
    """Arch of block strings under the options; also MixNet's."""
    rounded = functools.partial(
        arch_lib.round_channels, multiplier=options.depth_multiplier,
        divisor=options.depth_divisor, min_depth=options.min_depth)
    rows = arch_lib.make_blocks(blocks, rounded, 'relu')
    rows = (rows[0]._replace(residual=rows[0].residual or first_residual),) + rows[1:]
    return arch_lib.Arch(
        blocks=rows, stem=rounded(stem), head=head,
        activation='relu', dropout=options.dropout_rate, classifier='dense')


def plan(name, options):
    """(Arch, Names) of a variant under these options."""
    blocks, stem = ARCHS[name][:2]
    arch = make_arch(blocks, stem, HEAD, options,
                     getattr(options, 'first_residual', False))
    return arch, naming.numbered(
        arch, name, model='mnas_net_model',
        keras_kinds=naming.KERAS_KINDS if options.use_keras else (),
        stem='mnas_stem', block='mnas_blocks_{}', head='mnas_head')


def build(images, planned, options, settings, num_classes):
    """Logits and endpoints; see models.network.Network.build."""
    del options
    return mbconv.build(images, *planned, settings, num_classes)


NETWORKS = tuple(
    Network(
        name=name, family='mnasnet', scope=name, image_size=224, num_classes=1000,
        preprocessing='tpu_bilinear', recipes=RECIPES, launcher=LAUNCHER,
        published=published(*numbers),
        defaults=dict(DEFAULTS, dropout_rate=dropout, use_keras=use_keras,
                      **({'first_residual': False} if blocks is _SMALL else {})),
        decayed=decay_all_but_norm, plan=functools.partial(plan, name), builder=build)
    for name, (blocks, _, dropout, use_keras, numbers) in ARCHS.items())
