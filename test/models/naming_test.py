"""Variable names as tables: equal to the originals' before any graph is built.

That graphs hold what the tables tell: models_test.py.
"""

import golden_tools
import pytest

from models import get_network, naming


@pytest.mark.parametrize('model', [m for m in golden_tools.MODELS if 'torch' not in m])
def test_names_equal_the_original(model):
    name, overrides = golden_tools.MODELS[model]
    expected = [(row['name'], row['shape'])
                for row in golden_tools.read_json(model, 'variables')['variables']]
    assert list(get_network(name).variables(**overrides).items()) == expected


def test_torch_names_cover_the_state_dict():
    model = 'torchvision_mnasnet1_0'
    rows = golden_tools.read_json(model, 'variables')['variables']
    keys = [row['name'] for row in rows if not row['name'].endswith('num_batches_tracked')]
    for name in ('mnasnet1_0', 'mnasnet0_5', 'mnasnet0_75', 'mnasnet1_3'):
        table = golden_tools.torch_table(model, name)
        assert [key for _, key, _ in table] == keys
        assert [variable for variable, _, _ in table] == list(get_network(name).variables())


# (network, overrides, name that must exist): numbers quoted from the originals' code.
QUOTED = (
    ('mixnet-m', {}, 'mixnet-m/mixnet_model/stem/conv2d_94/kernel'),
    ('mixnet-l', {}, 'mixnet-l/mixnet_model/head/conv2d_95/kernel'),
    ('mnasnet-b1', {}, 'mnasnet-b1/mnas_net_model/mnas_head/conv2d_34/kernel'),
    ('mnasnet-small', {}, 'mnasnet-small/mnas_net_model/mnas_stem/conv2d_49/kernel'),
    ('mnasnet-a1', {}, 'mnasnet-a1/mnas_net_model/mnas_blocks_5/conv2d_16/kernel'),
    ('mnasnet-a1', {'use_keras': False}, 'mnasnet-a1/mnas_blocks_3/se/conv2d_1/bias'),
    ('mnasnet-d1-320', {}, 'mnasnet-d1-320/mnas_blocks_0/conv2d/kernel'),
    ('mnasnet-d1', {'use_keras': True},
     'mnasnet-d1/mnas_net_model/mnas_blocks_0/depthwise_conv2d/depthwise_kernel'),
    ('mixnet-s', {'use_keras': False},
     'mixnet-s/mixnet_model/blocks_1/depthwise_conv2d_1/depthwise_kernel'),
    ('mixnet-s', {'use_keras': False}, 'mixnet-s/blocks_1/conv2d_3/kernel'),
    ('efficientnet-condconv-b0-8e-depth', {},
     'efficientnet-condconv-b0-8e-depth/model/blocks_22/cond_conv2d_32/condconv_kernel'),
    ('mobilenet_v2', {'classifier': 'fc'}, 'MobilenetV2/Logits/FC/weights'),
    ('mobilenet_v1_025', {}, 'MobilenetV1/Conv2d_13_pointwise/BatchNorm/moving_variance'),
)


@pytest.mark.parametrize('name, overrides, variable', QUOTED)
def test_quoted_names(name, overrides, variable):
    names = get_network(name).variables(**overrides)
    assert variable in names
    assert len(set(names)) == len(names)


def test_a_table_does_not_remember():
    network = get_network('mixnet-s')
    arch, names = network.plan(network.options())
    assert naming.numbered(arch, 'mixnet-s', model='mixnet_model',
                           keras_kinds=naming.KERAS_KINDS) == names
