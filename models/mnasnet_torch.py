"""MnasNet-B1 as torchvision and the Ascend PyTorch port define it.

The layers of `mnasnet-b1` with PyTorch's details: every convolution pads k // 2 pixels on all
sides, also at stride 2 where TensorFlow pads bottom and right, and batch norm has epsilon 1e-5.

    name          parameters   multiply-adds   top-1 [2]
    mnasnet0_5        2.22 M          104 M       67.7 %
    mnasnet0_75       3.17 M          215 M       71.2 %
    mnasnet1_0        4.38 M          314 M       73.5 %
    mnasnet1_3        6.28 M          526 M       76.5 %

    python main.py --model_name=mnasnet1_0 --data_dir=/data/imagenet --recipe=pytorch

NOTE There is no TensorFlow original: variables lie below the name of the network under the names
tf.layers would give; estimator/checkpoints/foreign has their keys in torchvision's state_dict.

[1] M. Tan et al., MnasNet: Platform-Aware Neural Architecture Search for Mobile, CVPR 2019,
    arXiv:1807.11626.
[2] torchvision's documentation.
Agrees with torchvision/models/mnasnet.py, version 2 of the class (the stem is scaled too).
"""

import functools

import tensorflow.compat.v1 as tf

from models import initializers, mbconv, mnasnet, naming
from models.network import Network, decay_all, published

_BLOCKS = (
    'r1_k3_s11_e1_i32_o16_noskip',          # 112 x 112
    'r3_k3_s22_e3_i16_o24',                 # 56 x 56
    'r3_k5_s22_e3_i24_o40',                 # 28 x 28
    'r3_k5_s22_e6_i40_o80',                 # 14 x 14
    'r2_k3_s11_e6_i80_o96',
    'r4_k5_s22_e6_i96_o192',                # 7 x 7
    'r1_k3_s11_e6_i192_o320',
)

STEM, HEAD = 32, 1280                       # the head is not scaled

# name: (width, published)
ARCHS = {
    'mnasnet0_5': (0.5, (2.22, 104, 67.734)),
    'mnasnet0_75': (0.75, (3.17, 215, 71.180)),
    'mnasnet1_0': (1.0, (4.38, 314, 73.456)),
    'mnasnet1_3': (1.3, (6.28, 526, 76.506)),
}

_PYTORCH = {                                # the Ascend port
    'train_batch_size': 512,                # on each device
    'train_epochs': 300,
    'optimizer': 'momentum',
    'nesterov': True,
    'momentum': 0.9,
    'lr_schedule': 'torch_cosine',          # by the epoch, warmed up from a tenth
    'lr_warmup_epochs': 5,
    'weight_decay': 1e-5,                   # on every parameter, batch norm's too
    'label_smoothing': 0.1,
    'precision_mode': 'allow_mix_precision',    # apex O1
    'loss_scale': 128,
    'log_style': 'pytorch',
    'batch_norm_momentum': 0.9,             # NOTE torchvision's 0.9997 "is too small" to the port
}

RECIPES = {
    'pytorch': dict(_PYTORCH, learning_rate=0.7),       # train_full_1p.sh
    'pytorch-8p': dict(_PYTORCH, learning_rate=1.4),    # train_full_8p.sh, global batch 4096
}
LAUNCHER = ((1, 'pytorch'), (8, 'pytorch-8p'))

DEFAULTS = {
    'dropout_rate': 0.2,
    'depth_divisor': 8,
    'min_depth': None,
    'batch_norm_momentum': 0.9997,
    'batch_norm_epsilon': 1e-5,
    'padding': 'symmetric',
    'batch_norm_statistics': 'batch',
    'data_format': 'channels_last',
}


def _kaiming_depthwise(shape):
    """PyTorch's fan-out counts all channels of a depthwise kernel: std sqrt(2 / (C k k))."""
    return tf.random_normal_initializer(stddev=(2.0 / (shape[0] * shape[1] * shape[2])) ** 0.5)


def _kaiming_uniform(shape):
    """U(-b, b) with b = sqrt(3 / classes)."""
    bound = (3.0 / initializers.classes_of(shape)) ** 0.5
    return tf.random_uniform_initializer(-bound, bound)


INITIALIZERS = initializers.Initializers(
    initializers.fan_out_normal, _kaiming_depthwise, _kaiming_uniform)


def plan(name, options):
    """(Arch, Names) of a variant under these options."""
    arch = mnasnet.make_arch(_BLOCKS, STEM, HEAD, options)
    return arch, naming.numbered(arch, name)


def build(images, planned, options, settings, num_classes):
    """Logits and endpoints; see models.network.Network.build."""
    del options
    settings = settings._replace(initializers=INITIALIZERS)
    return mbconv.build(images, *planned, settings, num_classes)


NETWORKS = tuple(
    Network(
        name=name, family='mnasnet_torch', scope=name, image_size=224, num_classes=1000,
        preprocessing='torch', recipes=RECIPES, launcher=LAUNCHER,
        published=published(*numbers, source='torchvision documentation'),
        defaults=dict(DEFAULTS, depth_multiplier=width),
        decayed=decay_all, plan=functools.partial(plan, name), builder=build)
    for name, (width, numbers) in ARCHS.items())
