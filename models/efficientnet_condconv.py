"""EfficientNet-B0 with CondConv: kernels mixed from experts for every example.

The last three stages of EfficientNet-B0 keep 4 or 8 experts for each of their convolutions; a
router on the block's input mixes them into one kernel an example, so capacity grows with the
experts and the cost hardly. 8e-depth also has B1's depth.

    name                              parameters   multiply-adds [1]   top-1 [1]
    efficientnet-condconv-b0-4e          13.31 M             402 M      77.8 %
    efficientnet-condconv-b0-8e          24.01 M             413 M      78.3 %
    efficientnet-condconv-b0-8e-depth    39.72 M             614 M      79.5 %

    python main.py --model_name=efficientnet-condconv-b0-8e --data_dir=/data/imagenet

[1] B. Yang et al., CondConv: Conditionally Parameterized Convolutions for Efficient Inference,
    NeurIPS 2019, arXiv:1904.04971; numbers of the README beside the code.
Agrees with models/official/efficientnet/condconv of tensorflow/tpu. Scope: the name.
"""

import functools

from models import condconv, efficientnet, naming
from models.network import Network, decay_all_but_norm, published

BLOCKS = efficientnet.BLOCKS[:4] + tuple(text + '_cc' for text in efficientnet.BLOCKS[4:])

_README = 'tensorflow/tpu CondConv README'

# name: (experts, depth, published)
ARCHS = {
    'efficientnet-condconv-b0-4e': (4, 1.0, (13.3, 402, 77.8, _README)),
    'efficientnet-condconv-b0-8e': (8, 1.0, (24.0, 413, 78.3, _README)),
    'efficientnet-condconv-b0-8e-depth': (8, 1.1, (39.7, 614, 79.5, _README)),
}

RECIPES = {
    'tpu': efficientnet.RECIPE,
    # NOTE The port scales the learning rate by --train_batch_size 128 and feeds --batch_size 128;
    # its performance launcher feeds 32 and still scales by 128. Its length is in steps: 25 epochs.
    'ascend': dict(efficientnet.RECIPE, train_batch_size=128, eval_batch_size=8,
                   train_epochs=None, train_steps=250000, precision_mode='allow_mix_precision'),
}
LAUNCHER = ((1, 'ascend'),)

# Larger images: pooled over 2x2 positions a block's input is so noisy that every example would get
# kernels of its own long before they have learned anything. And the gradient of the stem is 200
# times its weights at first: without a bound it is luck whether the stem survives.
ON_DIGITS = dict(efficientnet.ON_DIGITS, input_image_size=128, learning_rate=0.02,
                 gradient_clip_norm=5.0)


def plan(name, options):
    """(Arch, Names) of a variant under these options."""
    arch = efficientnet.make_arch(BLOCKS, options, experts=ARCHS[name][0])
    return arch, naming.numbered(
        arch, name, model='model', keras_kinds=('cond_conv2d', 'depthwise_cond_conv2d'),
        norm='tpu_batch_normalization')


NETWORKS = tuple(
    Network(
        name=name, family='efficientnet_condconv', scope=name, image_size=224, num_classes=1000,
        preprocessing='tpu_bicubic_127', recipes=RECIPES, launcher=LAUNCHER,
        published=published(*numbers),
        defaults=dict(efficientnet.DEFAULTS, dropout_rate=0.25, depth_multiplier=1.0,
                      depth_coefficient=depth),
        decayed=decay_all_but_norm, plan=functools.partial(plan, name),
        builder=functools.partial(efficientnet.build, convolutions=condconv.convolutions),
        on_digits=ON_DIGITS)
    for name, (_, depth, numbers) in ARCHS.items())
