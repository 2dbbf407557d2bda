"""What a network is made of, as data: blocks, their decoder, and channel rounding.  Pure Python.

A stage is written as a block string, the notation of the MnasNet and EfficientNet code:
`r3_k5_s22_e6_i40_o80_se0.25` is 3 blocks of a 5x5 depthwise convolution, the first of stride 2,
expansion 6, 40 channels in, 80 out, squeeze-excite of a quarter of the input's width.
`k3.5.7` gives each third of the channels its own kernel size, `a1.1` and `p1.1` split the
expanding and projecting 1x1 convolution into two groups, `sw` selects swish inside the block,
`cc` mixed expert kernels (CondConv), `noskip` forbids the residual connection.
"""

import collections
import math
import re

Block = collections.namedtuple('Block', [
    'kernels',          # kernel sizes of the depthwise convolution, one a channel group
    'stride',
    'expanded',         # channels of the depthwise convolution
    'inputs',           # declared input channels
    'outputs',
    'reduced',          # squeeze-excite bottleneck; 0 for none
    'expand_groups',    # groups of the expanding 1x1 convolution; 0 when there is none
    'project_groups',
    'activation',
    'residual',         # whether the block's input is added to its output
    'survival',         # probability that the residual branch is kept in training
    'experts',          # expert kernels to mix in this block; 0 for ordinary convolutions
])

Arch = collections.namedtuple('Arch', [
    'blocks',           # tuple of Block, in order
    'stem',             # channels of the 3x3 stride-2 stem
    'head',             # channels of the 1x1 head
    'activation',       # of stem and head
    'dropout',          # rate on the pooled features
    'classifier',       # 'dense' (kernel [C, N]) or 'conv' (kernel [1, 1, C, N])
])

Stage = collections.namedtuple(
    'Stage', 'repeats kernels stride expand inputs outputs se skip '
             'expand_groups project_groups swish experts')

_NUMBERED = ('r', 'k', 's', 'e', 'i', 'o', 'se', 'a', 'p')
_WORDS = ('noskip', 'sw', 'cc')


def decode(text):
    """Reads one block string; returns a Stage. ValueError names the piece it cannot read."""
    options = {'a': '1', 'p': '1', 'se': '0'}
    words = set()
    for piece in text.split('_'):
        key, value = (re.split(r'(\d.*)', piece) + [''])[:2]
        known = _NUMBERED if value else _WORDS
        if key not in known:
            raise ValueError(f'Block string {text!r}: cannot read {piece!r}; '
                             f'keys are {", ".join(_NUMBERED + _WORDS)}.')
        options[key] = value
        words.add(key)
    strides = options['s']
    if len(strides) != 2 or strides[0] != strides[1]:
        raise ValueError(f'Block string {text!r}: the stride is two equal digits, as in s22.')
    return Stage(
        repeats=int(options['r']),
        kernels=tuple(int(k) for k in options['k'].split('.')),
        stride=int(strides[0]),
        expand=int(options['e']),
        inputs=int(options['i']),
        outputs=int(options['o']),
        se=float(options['se']),
        skip='noskip' not in words,
        expand_groups=len(options['a'].split('.')),
        project_groups=len(options['p'].split('.')),
        swish='sw' in words,
        experts='cc' in words)


def round_channels(channels, multiplier=None, divisor=8, min_depth=None):
    """Channels times the multiplier, to a multiple of `divisor`, at most 10 % below.

    Without a multiplier the number is returned untouched, as the originals do
    (mnasnet-d1 keeps its 36 channels).
    """
    if not multiplier:
        return channels
    scaled = channels * multiplier
    divisor = int(divisor)
    rounded = max(int(min_depth or divisor), int(scaled + divisor / 2) // divisor * divisor)
    if rounded < 0.9 * scaled:
        rounded += divisor
    return rounded


def round_repeats(repeats, multiplier=None):
    """Repeats times the depth multiplier, rounded up."""
    return int(math.ceil(multiplier * repeats)) if multiplier else repeats


def split_channels(channels, groups):
    """Channels of each group; the remainder goes to the first group (MixNet's rule)."""
    sizes = [channels // groups] * groups
    sizes[0] += channels - sum(sizes)
    return sizes


def make_blocks(texts, rounded, activation, repeats=lambda n: n, experts=0, survival=1.0,
                expanded=lambda inputs, ratio: inputs * ratio):
    """Unrolls block strings into a tuple of Blocks.

    Args:
        texts: block strings.
        rounded: function of a channel count, the width rule.
        activation: of the blocks that do not ask for swish.
        repeats: function of a repeat count, the depth rule.
        experts: number of expert kernels in `cc` blocks.
        survival: survival probability at the end of the network; it falls linearly from 1.
        expanded: function (block input channels, ratio) -> channels of the depthwise.
    """
    rows = []
    for stage in map(decode, texts):
        inputs, outputs = rounded(stage.inputs), rounded(stage.outputs)
        for repeat in range(repeats(stage.repeats)):
            stride = stage.stride if repeat == 0 else 1
            rows.append(Block(
                kernels=stage.kernels,
                stride=stride,
                expanded=expanded(inputs, stage.expand),
                inputs=inputs,
                outputs=outputs,
                reduced=max(1, int(inputs * stage.se)) if stage.se else 0,
                expand_groups=stage.expand_groups if stage.expand != 1 else 0,
                project_groups=stage.project_groups,
                activation='swish' if stage.swish else activation,
                residual=stage.skip and stride == 1 and inputs == outputs,
                survival=1.0,
                experts=experts if stage.experts else 0))
            inputs = outputs
    return tuple(row._replace(survival=1 - (1 - survival) * index / len(rows))
                 for index, row in enumerate(rows))
