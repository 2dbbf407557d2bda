"""MixNet: depthwise convolutions of several kernel sizes in one layer.

Each depthwise layer splits its channels into groups and gives every group its own kernel size
(MixConv), small kernels for detail and large ones for context; the 1x1 convolutions around it
are split into two groups where that costs nothing. Blocks of the later stages use swish.

    name       parameters   multiply-adds   top-1 [1]   scope
    mixnet-s       4.13 M          239 M       75.8 %   mixnet-s/
    mixnet-m       5.01 M          339 M       77.0 %   mixnet-m/
    mixnet-l       7.33 M          555 M       78.9 %   mixnet-l/

    python main.py --model_name=mixnet-s --data_dir=/data/imagenet --recipe=tpu

NOTE The paper counts 256, 360 and 565 M multiply-adds; its code gives the numbers above.

[1] M. Tan, Q. Le, MixConv: Mixed Depthwise Convolutional Kernels, BMVC 2019, arXiv:1907.09595.
Agrees with models/official/mnasnet/mixnet of tensorflow/tpu.
"""

import functools

from models import mbconv, mnasnet, naming
from models.network import Network, decay_all_but_norm, published

_S = (
    'r1_k3_a1_p1_s11_e1_i16_o16',                                   # 112 x 112
    'r1_k3_a1.1_p1.1_s22_e6_i16_o24',                               # 56 x 56
    'r1_k3_a1.1_p1.1_s11_e3_i24_o24',
    'r1_k3.5.7_a1_p1_s22_e6_i24_o40_se0.5_sw',                      # 28 x 28
    'r3_k3.5_a1.1_p1.1_s11_e6_i40_o40_se0.5_sw',
    'r1_k3.5.7_a1_p1.1_s22_e6_i40_o80_se0.25_sw',                   # 14 x 14
    'r2_k3.5_a1_p1.1_s11_e6_i80_o80_se0.25_sw',
    'r1_k3.5.7_a1.1_p1.1_s11_e6_i80_o120_se0.5_sw',
    'r2_k3.5.7.9_a1.1_p1.1_s11_e3_i120_o120_se0.5_sw',
    'r1_k3.5.7.9.11_a1_p1_s22_e6_i120_o200_se0.5_sw',               # 7 x 7
    'r2_k3.5.7.9_a1_p1.1_s11_e6_i200_o200_se0.5_sw',
)

_M = (
    'r1_k3_a1_p1_s11_e1_i24_o24',                                   # 112 x 112
    'r1_k3.5.7_a1.1_p1.1_s22_e6_i24_o32',                           # 56 x 56
    'r1_k3_a1.1_p1.1_s11_e3_i32_o32',
    'r1_k3.5.7.9_a1_p1_s22_e6_i32_o40_se0.5_sw',                    # 28 x 28
    'r3_k3.5_a1.1_p1.1_s11_e6_i40_o40_se0.5_sw',
    'r1_k3.5.7_a1_p1_s22_e6_i40_o80_se0.25_sw',                     # 14 x 14
    'r3_k3.5.7.9_a1.1_p1.1_s11_e6_i80_o80_se0.25_sw',
    'r1_k3_a1_p1_s11_e6_i80_o120_se0.5_sw',
    'r3_k3.5.7.9_a1.1_p1.1_s11_e3_i120_o120_se0.5_sw',
    'r1_k3.5.7.9_a1_p1_s22_e6_i120_o200_se0.5_sw',                  # 7 x 7
    'r3_k3.5.7.9_a1_p1.1_s11_e6_i200_o200_se0.5_sw',
)

HEAD = 1536     # not scaled by the width multiplier

# name: (blocks, stem, width multiplier, dropout, published)
# NOTE --depth_multiplier replaces mixnet-l's 1.3, it does not multiply it, as in the original.
ARCHS = {
    'mixnet-s': (_S, 16, None, 0.2, (4.1, 256, 75.8, 'arXiv:1907.09595')),
    'mixnet-m': (_M, 24, None, 0.25, (5.0, 360, 77.0, 'arXiv:1907.09595')),
    'mixnet-l': (_M, 24, 1.3, 0.25, (7.3, 565, 78.9, 'arXiv:1907.09595')),
}

# MixNet trains with MnasNet's script and configuration.
RECIPE = mnasnet.RECIPE
RECIPES, LAUNCHER = mnasnet.RECIPES, mnasnet.LAUNCHER


def plan(name, options):
    """(Arch, Names) of a variant under these options."""
    blocks, stem = ARCHS[name][:2]
    arch = mnasnet.make_arch(blocks, stem, HEAD, options)
    # The original's depthwise convolutions are Keras' even when use_keras is off.
    kinds = naming.KERAS_KINDS if options.use_keras else ('depthwise_conv2d',)
    return arch, naming.numbered(arch, name, model='mixnet_model', keras_kinds=kinds)


def build(images, planned, options, settings, num_classes):
    """Logits and endpoints; see models.network.Network.build."""
    del options
    return mbconv.build(images, *planned, settings, num_classes)


NETWORKS = tuple(
    Network(
        name=name, family='mixnet', scope=name, image_size=224, num_classes=1000,
        preprocessing='tpu_bilinear', recipes=RECIPES, launcher=LAUNCHER,
        on_digits={'train_epochs': 10},     # enough, and `make demo` is this
        published=published(*numbers),
        defaults=dict(mnasnet.DEFAULTS, dropout_rate=dropout, depth_multiplier=width,
                      use_keras=True),
        decayed=decay_all_but_norm, plan=functools.partial(plan, name), builder=build)
    for name, (_, _, width, dropout, numbers) in ARCHS.items())
