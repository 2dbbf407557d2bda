"""The published weights: what is in them and what a network needs to give their source's logits.

Torch networks written for torch pad symmetrically and have batch norm's epsilon at 1e-5; timm's
`tf_` networks keep TensorFlow's way in both. A state dict does not show which of the two it is:
its keys and shapes are the same. `named` looks for the name of the network where people keep it.

Figures are those of timm/models/efficientnet.py (1.0), torchvision/models and keras/applications.
"""

import collections
import itertools
import json
import os
import re

from common.files import read_record

CARD = 'model.json'     # of an export of this program

Published = collections.namedtuple('Published', 'dialect name network values')
Published.__doc__ = """dialect: name of the naming scheme; name: theirs; network: --model_name here;
values: flag -> value the network needs."""

_TORCH = {'padding': 'symmetric', 'batch_norm_epsilon': 1e-5}
_TENSORFLOW = {'padding': 'same', 'batch_norm_epsilon': 1e-3}
_BICUBIC = dict(_TORCH, preprocessing_name='torch_bicubic')
_HALF = {'pixel_mean': (127.5,) * 3, 'pixel_std': (127.5,) * 3}

# timm's own training sizes, where they are not the paper's
_TIMM_SIZES = {'b2': 256, 'b3': 288, 'b4': 320, 'b5': 448}


def _timm():
    """Rows of timm; of two names for one architecture the one written for torch comes first."""
    for size in 's', 'm', 'l':
        yield f'mixnet_{size}', f'mixnet-{size}', _BICUBIC
        yield f'tf_mixnet_{size}', f'mixnet-{size}', _TENSORFLOW
    for theirs, ours in ('mnasnet', 'mnasnet-b1'), ('semnasnet', 'mnasnet-a1'):
        for width in 100, 50, 75, 140:
            scale = {'depth_multiplier': width / 100} if width != 100 else {}
            yield f'{theirs}_{width:03}', ours, dict(_BICUBIC, **scale)
            if ours == 'mnasnet-b1':
                torch = {50: 'mnasnet0_5', 75: 'mnasnet0_75', 100: 'mnasnet1_0'}.get(width)
                if torch:
                    yield f'{theirs}_{width:03}', torch, _BICUBIC
    yield 'mnasnet_small', 'mnasnet-small', dict(_BICUBIC, first_residual=True)
    for size in [f'b{number}' for number in range(9)] + ['l2']:
        more = {'input_image_size': _TIMM_SIZES[size]} if size in _TIMM_SIZES else {}
        yield f'efficientnet_{size}', f'efficientnet-{size}', dict(_BICUBIC, **more)
        yield f'tf_efficientnet_{size}', f'efficientnet-{size}', _TENSORFLOW
    for theirs, ours in ('b0_4e', 'b0-4e'), ('b0_8e', 'b0-8e'), ('b1_8e', 'b0-8e-depth'):
        ours = f'efficientnet-condconv-{ours}'
        yield f'efficientnet_cc_{theirs}', ours, _BICUBIC
        yield f'tf_efficientnet_cc_{theirs}', ours, _TENSORFLOW
    for width in 100, 35, 50, 75, 140:
        ours = 'mobilenet_v2' if width == 100 else f'mobilenet_v2_{width:03}'
        yield f'mobilenetv2_{width:03}', ours, _BICUBIC
    for width, depth in (110, 1.2), (120, 1.4):
        yield f'mobilenetv2_{width}d', 'mobilenet_v2', dict(
            _BICUBIC, depth_multiplier=width / 100, depth_coefficient=depth, fixed_ends=True)
    yield 'mobilenetv1_100', 'mobilenet_v1', dict(_BICUBIC, **_HALF)
    yield 'mobilenetv1_125', 'mobilenet_v1', dict(_BICUBIC, depth_multiplier=1.25, **_HALF)


def _torchvision():
    torch = dict(_TORCH, preprocessing_name='torch')
    bicubic = dict(_TORCH, preprocessing_name='torch_bicubic')
    for width, ours in (0.5, '0_5'), (0.75, '0_75'), (1.0, '1_0'), (1.3, '1_3'):
        yield 'torchvision mnasnet', f'mnasnet{ours}', f'mnasnet{ours}', torch
        scale = {} if width == 1 else {'depth_multiplier': width}
        yield 'torchvision mnasnet', f'mnasnet{ours}', 'mnasnet-b1', dict(torch, **scale)
    yield 'torchvision mobilenet_v2', 'mobilenet_v2', 'mobilenet_v2', torch
    for size in range(8):
        epsilon = 1e-3 if size > 4 else 1e-5
        yield ('torchvision efficientnet', f'efficientnet_b{size}', f'efficientnet-b{size}',
               dict(bicubic, batch_norm_epsilon=epsilon))


def _keras():
    # NOTE Keras pads MobileNet's images below and on the right; TensorFlow's SAME does so at even
    # sizes, and on all sides at odd ones.
    half = dict(_TENSORFLOW, preprocessing_name='inception')
    for dialect in 'Keras MobileNet', 'Keras, layers numbered':
        yield dialect, 'MobileNet', 'mobilenet_v1', half
        for width in 25, 50, 75:
            yield dialect, f'MobileNet {width / 100}', f'mobilenet_v1_{width:03}', half
    for dialect in 'Keras MobileNetV2', 'Keras, layers numbered':
        yield dialect, 'MobileNetV2', 'mobilenet_v2', half
        for width in 35, 50, 75, 130, 140:
            yield dialect, f'MobileNetV2 {width / 100}', f'mobilenet_v2_{width:03}', half
    for dialect in 'Keras EfficientNet', 'Keras, layers numbered':
        for size in range(8):
            yield dialect, f'EfficientNetB{size}', f'efficientnet-b{size}', _TENSORFLOW


PUBLISHED = tuple(itertools.starmap(Published, itertools.chain(
    (('timm',) + row for row in _timm()), _torchvision(), _keras())))

# Weights of one name that were trained on images normalised in another way.
TRAINED_OTHERWISE = (
    (r'efficientnet_b\d[._]ap\b|efficientnet_b\d_ap[-.]', _HALF),       # AdvProp
    (r'\.ra4_e3600', _HALF),
)


# First word of a dialect -> values of weights that were not published under a name.
_UNNAMED = {'timm': _BICUBIC, 'torchvision': dict(_TORCH, preprocessing_name='torch'),
            'Keras': _TENSORFLOW, 'Keras,': _TENSORFLOW, 'TFLite': _TENSORFLOW,
            'folded': _TENSORFLOW}


def candidates(dialect, network):
    """Rows of a dialect for a network, likeliest first; one without a name when there is none."""
    found = [row for row in PUBLISHED if row.dialect == dialect and row.network == network]
    return found or [Published(dialect, '', network, _UNNAMED[dialect.split()[0]])]


def named(rows, path, wanted=None):
    """(rows whose name stands in --import_as, config.json, file or folder names; where it does).

    All rows and None when no name is found.
    """
    for text, where in _texts(path, wanted):
        found = [row for row in rows if row.name and _says(text, row.name)]
        if found:
            longest = max(len(row.name) for row in found)
            return [row for row in found if len(row.name) == longest], where
    return rows, None


def _says(text, name):
    return re.search(rf'(?<![a-z0-9]){re.escape(name.lower())}(?![a-z0-9])', text.lower())


def _texts(path, wanted):
    if wanted:
        yield wanted, '--import_as'
        return
    yield str(config(path).get('architecture') or ''), 'config.json'
    for place in os.path.abspath(path), os.path.realpath(path):
        for depth in range(5):      # a snapshot's folder in a cache has the name above it
            yield os.path.basename(place), 'a folder name' if depth else 'the file name'
            place = os.path.dirname(place)


def config(path):
    """timm's config.json beside a file of weights, as a dict; {} when there is none."""
    path = os.path.join(path if os.path.isdir(path) else os.path.dirname(path), 'config.json')
    try:
        if os.path.getsize(path) > 1 << 20:
            return {}
        with open(path, encoding='utf-8') as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def carded(path):
    """(arguments of the network, flags of its images) that our model card beside a file says."""
    path = os.path.abspath(path)
    card = read_record(os.path.join(os.path.dirname(path), CARD)) or {}
    if os.path.basename(path) not in card.get('files', ()):
        return {}, {}
    parts = []
    for part in 'arguments', 'flags':
        told = card.get(part)
        parts.append({name: tuple(value) if isinstance(value, list) else value
                      for name, value in (told if isinstance(told, dict) else {}).items()
                      if name not in ('num_classes', 'num_label_classes')})
    return tuple(parts)


def trained_as(path):
    """Flags that the file's tag or its config.json says about the images it was trained on."""
    values = {}
    for pattern, more in TRAINED_OTHERWISE:
        if re.search(pattern, os.path.basename(path)):
            values.update(more)
    told = config(path).get('pretrained_cfg')
    if not isinstance(told, dict):
        return values
    for flag, key in ('pixel_mean', 'mean'), ('pixel_std', 'std'):
        numbers = told.get(key)
        if isinstance(numbers, list) and len(numbers) == 3 and all(
                isinstance(number, (int, float)) for number in numbers):
            values[flag] = tuple(255.0 * number for number in numbers)
    return values
