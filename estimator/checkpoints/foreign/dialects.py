"""How timm, torchvision, Keras and TFLite name the layers of these networks, as data.

Sources number their blocks by stage and repeat (`blocks.2.1`, `block3b`). Here blocks are counted
through, `blocks.5`; names.canonical renames the keys of a file that way, whatever its stages are.
"""

import collections

Dialect = collections.namedtuple('Dialect', [
    'name',
    'mark',         # regular expression found in a key of this dialect and of no other
    'stages',       # ((regular expression of a block's key, what replaces it), ...)
    'stem',         # (convolution, batch norm)
    'first',        # parts of a block without expansion
    'block',        # parts of the others
    'head',         # (convolution, batch norm)
    'classifier',   # keys of the last layer; the first one that exists counts
    'axes',         # kind of kernel -> axes
    'leaves',       # leaf of ours -> leaf of theirs; 'kernel', 'depthwise', 'bias', 'gamma' ...
    'join',         # between a layer and its leaf
    'ignored',      # regular expression of keys that hold nothing of the network, or None
    'words',        # kind of layer -> word, where a file numbers its layers instead of naming them
], defaults=[None])

Parts = collections.namedtuple(
    'Parts', 'expand expand_bn depthwise depthwise_bn se_reduce se_expand project project_bn '
             'routing', defaults=[None])

_TORCH_AXES = {'conv': (2, 3, 1, 0), 'depthwise': (2, 3, 0, 1), 'dense': (1, 0)}
_TORCH_LEAVES = {'kernel': 'weight', 'depthwise': 'weight', 'bias': 'bias', 'gamma': 'weight',
                 'beta': 'bias', 'moving_mean': 'running_mean', 'moving_variance': 'running_var'}
_TORCH_IGNORED = r'\.num_batches_tracked$'
_KERAS_AXES = {'conv': None, 'depthwise': None, 'dense': None}
_KERAS_LEAVES = {'kernel': 'kernel', 'depthwise': 'depthwise_kernel', 'bias': 'bias',
                 'gamma': 'gamma', 'beta': 'beta', 'moving_mean': 'moving_mean',
                 'moving_variance': 'moving_variance'}

TIMM = Dialect(
    'timm', r'^blocks\.\d+\.\d+\.conv_dw\.', ((r'^blocks\.(\d+)\.(\d+)\.', 'blocks.{}.'),),
    stem=('conv_stem', 'bn1'),
    first=Parts(None, None, 'blocks.{}.conv_dw', 'blocks.{}.bn1', 'blocks.{}.se.conv_reduce',
                'blocks.{}.se.conv_expand', 'blocks.{}.conv_pw', 'blocks.{}.bn2'),
    block=Parts('blocks.{}.conv_pw', 'blocks.{}.bn1', 'blocks.{}.conv_dw', 'blocks.{}.bn2',
                'blocks.{}.se.conv_reduce', 'blocks.{}.se.conv_expand', 'blocks.{}.conv_pwl',
                'blocks.{}.bn3', 'blocks.{}.routing_fn'),
    head=('conv_head', 'bn2'), classifier=('classifier',), axes=_TORCH_AXES,
    leaves=_TORCH_LEAVES, join='.', ignored=_TORCH_IGNORED)

_STACK = 'blocks.{}.'
TORCHVISION_MNASNET = TIMM._replace(
    name='torchvision mnasnet', mark=r'^layers\.\d+\.\d+\.layers\.\d+\.',
    stages=((r'^layers\.(\d+)\.(\d+)\.layers\.', 'blocks.{}.'),), stem=('layers.0', 'layers.1'),
    first=Parts(None, None, 'layers.3', 'layers.4', None, None, 'layers.6', 'layers.7'),
    # the first block has no number of its own
    block=Parts(*[f'blocks.{{before}}.{place}' for place in (0, 1, 3, 4)], None, None,
                'blocks.{before}.6', 'blocks.{before}.7'),
    head=('layers.14', 'layers.15'), classifier=('classifier.1',))

TORCHVISION_MOBILENET_V2 = TIMM._replace(
    name='torchvision mobilenet_v2', mark=r'^features\.\d+\.conv\.0\.0\.',
    stages=((r'^features\.(\d+)()\.conv\.', 'blocks.{}.'),),
    stem=('features.0.0', 'features.0.1'),
    first=Parts(None, None, *[f'{_STACK}{place}' for place in ('0.0', '0.1')], None, None,
                _STACK + '1', _STACK + '2'),
    block=Parts(*[f'{_STACK}{place}' for place in ('0.0', '0.1', '1.0', '1.1')], None, None,
                _STACK + '2', _STACK + '3'),
    head=('features.{after}.0', 'features.{after}.1'), classifier=('classifier.1',))

TORCHVISION_EFFICIENTNET = TIMM._replace(
    name='torchvision efficientnet', mark=r'^features\.\d+\.\d+\.block\.',
    stages=((r'^features\.(\d+)\.(\d+)\.block\.', 'blocks.{}.'),),
    stem=('features.0.0', 'features.0.1'),
    first=Parts(None, None, *[f'{_STACK}{place}' for place in
                              ('0.0', '0.1', '1.fc1', '1.fc2', '2.0', '2.1')]),
    block=Parts(*[f'{_STACK}{place}' for place in
                  ('0.0', '0.1', '1.0', '1.1', '2.fc1', '2.fc2', '3.0', '3.1')]),
    head=('features.8.0', 'features.8.1'), classifier=('classifier.1',))

KERAS_EFFICIENTNET = Dialect(
    'Keras EfficientNet', r'^block\d+[a-z]_dwconv/', ((r'^block(\d+)([a-z])_', 'blocks.{}.'),),
    stem=('stem_conv', 'stem_bn'),
    first=Parts(None, None, *[f'{_STACK}{part}' for part in
                              ('dwconv', 'bn', 'se_reduce', 'se_expand', 'project_conv',
                               'project_bn')]),
    block=Parts(*[f'{_STACK}{part}' for part in
                  ('expand_conv', 'expand_bn', 'dwconv', 'bn', 'se_reduce', 'se_expand',
                   'project_conv', 'project_bn')]),
    head=('top_conv', 'top_bn'), classifier=('predictions', 'probs'), axes=_KERAS_AXES,
    leaves=_KERAS_LEAVES, join='/', ignored=r'^normalization(_\d+)?/')

KERAS_MOBILENET_V2 = KERAS_EFFICIENTNET._replace(
    name='Keras MobileNetV2', mark=r'^block_\d+_depthwise/', stages=(
        (r'^expanded_conv()()_', 'blocks.{}.'), (r'^block_(\d+)()_', 'blocks.{}.')),
    stem=('Conv1', 'bn_Conv1'),
    first=Parts(None, None, *[f'{_STACK}{part}' for part in
                              ('depthwise', 'depthwise_BN')], None, None,
                *[f'{_STACK}{part}' for part in ('project', 'project_BN')]),
    block=Parts(*[f'{_STACK}{part}' for part in
                  ('expand', 'expand_BN', 'depthwise', 'depthwise_BN')], None, None,
                *[f'{_STACK}{part}' for part in ('project', 'project_BN')]),
    head=('Conv_1', 'Conv_1_bn'), classifier=('predictions', 'Logits'), ignored=None)

KERAS_MOBILENET = KERAS_EFFICIENTNET._replace(
    name='Keras MobileNet', mark=r'^conv_pw_\d+/', stages=(),
    stem=('conv1', 'conv1_bn'),
    first=Parts(None, None, 'conv_dw_{next}', 'conv_dw_{next}_bn', None, None, 'conv_pw_{next}',
                'conv_pw_{next}_bn'),
    block=None, head=None, classifier=('conv_preds', 'predictions'), ignored=None)

# The layers of a file without their names: numbered by kind, in the order the image meets them.
KERAS_NUMBERED = KERAS_EFFICIENTNET._replace(
    name='Keras, layers numbered', mark=r'^(conv2d|depthwise_conv2d)/0$', stages=(),
    stem=None, first=None, block=None, head=None, classifier=None,
    ignored=r'^normalization(_\d+)?/',
    leaves={'kernel': '0', 'depthwise': '0', 'bias': '1', 'gamma': '0', 'beta': '1',
            'moving_mean': '2', 'moving_variance': '3'},
    words={'conv': 'conv2d', 'depthwise': 'depthwise_conv2d', 'dense': 'dense',
           'norm': 'batch_normalization'})
TFLITE = KERAS_NUMBERED._replace(
    name='TFLite', mark=r'^layer/gamma$', leaves=dict(_KERAS_LEAVES, depthwise='kernel'),
    ignored=r'/(bias|gamma|beta|moving_mean|moving_variance)$',
    words={'conv': 'layer', 'depthwise': 'layer', 'dense': 'layer', 'norm': None})
FOLDED_GRAPH = TFLITE._replace(
    name='folded graph', mark=r'^node/gamma$',
    words={'conv': 'node', 'depthwise': 'node', 'dense': 'node', 'norm': None})

DIALECTS = (TIMM, TORCHVISION_MNASNET, TORCHVISION_MOBILENET_V2, TORCHVISION_EFFICIENTNET,
            KERAS_EFFICIENTNET, KERAS_MOBILENET_V2, KERAS_MOBILENET, KERAS_NUMBERED, TFLITE,
            FOLDED_GRAPH)
