"""Block strings, rounding and channel groups; no TensorFlow."""

import pytest

from models import arch

# From the originals' code: stem, then the stages' outputs, by width multiplier.
B1 = (32, 16, 24, 40, 80, 96, 192, 320)
A1 = (32, 16, 24, 40, 80, 112, 160, 320)
V2 = (32, 16, 24, 32, 64, 96, 160, 320)
MIXNET = (24, 24, 32, 40, 80, 120, 200)

ROUNDED = {
    B1: {0.35: (16, 8, 8, 16, 32, 32, 64, 112), 0.5: (16, 8, 16, 24, 40, 48, 96, 160),
         0.75: (24, 16, 24, 32, 64, 72, 144, 240), 1.3: (40, 24, 32, 56, 104, 128, 248, 416),
         1.4: (48, 24, 32, 56, 112, 136, 272, 448)},
    A1: {0.35: (16, 8, 8, 16, 32, 40, 56, 112), 0.75: (24, 16, 24, 32, 64, 88, 120, 240),
         1.4: (48, 24, 32, 56, 112, 160, 224, 448)},
    V2: {0.35: (16, 8, 8, 16, 24, 32, 56, 112), 0.5: (16, 8, 16, 16, 32, 48, 80, 160),
         0.75: (24, 16, 24, 24, 48, 72, 120, 240), 1.3: (40, 24, 32, 40, 80, 128, 208, 416),
         1.4: (48, 24, 32, 48, 88, 136, 224, 448)},
    MIXNET: {1.3: (32, 32, 40, 56, 104, 160, 264)}}


@pytest.mark.parametrize('channels, width, expected', [
    (channels, width, expected) for channels, rows in ROUNDED.items()
    for width, expected in rows.items()])
def test_rounded_channels(channels, width, expected):
    assert tuple(arch.round_channels(c, width) for c in channels) == expected


def test_rounding_options():
    assert arch.round_channels(36) == 36                # no multiplier: untouched
    assert arch.round_channels(36, 1.0) == 40
    assert arch.round_channels(16, 0.25, min_depth=16) == 16
    assert arch.round_channels(36, 1.0, divisor=4) == 36
    assert arch.round_channels(36, 1.0, divisor=4.0) == 36
    assert [arch.round_repeats(r, 1.1) for r in (1, 2, 2, 3, 3, 4, 1)] == [2, 3, 3, 4, 4, 5, 2]
    assert arch.round_repeats(3) == 3


def test_remainder_goes_to_the_first_group():
    assert arch.split_channels(200, 3) == [68, 66, 66]
    assert arch.split_channels(1200, 5) == [240] * 5


def test_decode():
    stage = arch.decode('r2_k3.5.7_a1.1_p1_s22_e6_i40_o80_se0.25_sw')
    assert stage == arch.Stage(
        repeats=2, kernels=(3, 5, 7), stride=2, expand=6, inputs=40, outputs=80, se=0.25,
        skip=True, expand_groups=2, project_groups=1, swish=True, experts=False)
    stage = arch.decode('r1_k3_s11_e1_i32_o16_noskip_cc')
    assert not stage.skip and stage.experts and stage.se == 0


@pytest.mark.parametrize('text', ['r1_k3_s12_e1_i8_o8', 'r1_k3_s1_e1_i8_o8',
                                  'r1_k3_s11_e1_i8_o8_x', 'r1_k3_s11_e1_i8_o8_sw3'])
def test_unreadable(text):
    with pytest.raises(ValueError) as error:
        arch.decode(text)
    assert text in str(error.value)


def test_blocks_unroll():
    blocks = arch.make_blocks(
        ('r1_k3_s11_e1_i16_o8', 'r3_k5_s22_e6_i8_o24_se0.25_sw_cc'), lambda c: c, 'relu',
        experts=4, survival=0.8)
    assert [b.stride for b in blocks] == [1, 2, 1, 1]
    assert [b.inputs for b in blocks] == [16, 8, 24, 24]
    assert [b.expanded for b in blocks] == [16, 48, 144, 144]
    assert [b.reduced for b in blocks] == [0, 2, 6, 6]         # of the block's input
    assert [b.residual for b in blocks] == [False, False, True, True]
    assert [b.expand_groups for b in blocks] == [0, 1, 1, 1]
    assert [b.activation for b in blocks] == ['relu', 'swish', 'swish', 'swish']
    assert [b.experts for b in blocks] == [0, 4, 4, 4]
    assert [b.survival for b in blocks] == pytest.approx([1, 0.95, 0.9, 0.85])
