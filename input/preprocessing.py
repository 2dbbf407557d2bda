"""Preprocessing styles: an encoded image to a normalised float32 image, for training or evaluation.

Every style is a row of `STYLES`; the numbers come from the original of the networks that use it.
"""

from collections import namedtuple

import numpy as np
import tensorflow.compat.v1 as tf

from common.errors import DataError
from common.names import nearest
from input.augment import autoaugment, color, erasing, image_ops
from input.images import crop, decode
from input.stateless import coin, integers

IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
CIFAR_MEAN = (0.4914 * 255, 0.4822 * 255, 0.4465 * 255)
CIFAR_STD = (0.2023 * 255, 0.1994 * 255, 0.2010 * 255)

# train(source, size, seed, style) and evaluate(source, size, style) give float32 [size, size, 3]
# in 0..255; mean and std are in the same unit. area: least part of an image that training crops.
Style = namedtuple('Style', 'train evaluate resize mean std color jpeg flip area')


def _fitted(source, window, size, style):
    return style.resize(source.window(window), size, size)


def tpu_train(source, size, seed, style):
    """Distorted crop; where that is the whole image ("bad crop"), the evaluation crop.

    NOTE: the original compares shapes with channels, so a grayscale JPEG never counted as a bad
    crop; here it does. Its fallback ignored the resize method and was always bicubic.
    """
    height, width = source.height, source.width
    window = crop.distorted(height, width, seed, (style.area, 1.0), (3 / 4, 4 / 3),
                            attempts=10)
    window = tf.where(crop.is_whole(window, height, width),
                      crop.padded_center(height, width, size), window)
    return _fitted(source, window, size, style)


def tpu_evaluate(source, size, style):
    """Centre square with 32 pixels of padding at the network's scale."""
    return _fitted(source, crop.padded_center(source.height, source.width, size), size, style)


def inception_train(source, size, seed, style):
    """slim's distorted crop. NOTE: fused into the decoding where the style allows, which may
    differ from decoding the whole image in the chroma of the last column."""
    window = crop.distorted(source.height, source.width, seed, (style.area, 1.0), (0.75, 1.33),
                            attempts=100)
    return _fitted(source, window, size, style)


def inception_evaluate(source, size, style):
    """slim: 87.5 % of each side, squeezed to a square."""
    window = crop.central_fraction(source.height, source.width, 0.875)
    return style.resize(decode.cut(source.whole(), window), size, size)


def torch_train(source, size, seed, style):
    """torchvision's RandomResizedCrop."""
    window = crop.resized(source.height, source.width, seed, (style.area, 1.0), (3 / 4, 4 / 3))
    return _fitted(source, window, size, style)


def torch_evaluate(source, size, style):
    """Short side to 256 (at 224; in proportion otherwise), then the centre square."""
    shorter = tf.minimum(source.height, source.width)
    target = int(round(size * 256 / 224))
    height = target * source.height // shorter
    width = target * source.width // shorter
    image = style.resize(source.whole(), height, width)
    offsets = [tf.cast(tf.round((side - size) / 2), tf.int32) for side in (height, width)]
    return decode.cut(image, tf.stack(offsets + [size, size]))


def cifar_train(source, size, seed, style):
    """4 pixels of zeros around, a random window of the native size, then the input size."""
    return _shifted(source, size, seed, style, 4)


def digits_train(source, size, seed, style):
    """As for CIFAR, but 2 pixels: the digits fill their 32x32 image."""
    return _shifted(source, size, seed, style, 2)


def _shifted(source, size, seed, style, most):
    image = tf.pad(source.whole(), [[most, most], [most, most], [0, 0]])
    offsets = integers(seed, 'crop', [2], 0, 2 * most + 1)
    window = tf.concat([offsets, [source.height, source.width]], 0)
    return style.resize(decode.cut(image, window), size, size)


def cifar_evaluate(source, size, style):
    """The whole image at the input size."""
    return style.resize(source.whole(), size, size)


_INCEPTION = Style(inception_train, inception_evaluate, decode.bilinear,
                   (127.5,) * 3, (127.5,) * 3, True, {}, True, 0.05)
_TPU = Style(tpu_train, tpu_evaluate, decode.bilinear, IMAGENET_MEAN, IMAGENET_STD, False, {},
             True, 0.08)
_CIFAR = Style(cifar_train, cifar_evaluate, decode.antialiased, CIFAR_MEAN, CIFAR_STD, False, {},
               True, 1.0)

_TORCH = Style(torch_train, torch_evaluate, decode.antialiased, IMAGENET_MEAN, IMAGENET_STD, False,
               {}, True, 0.08)

STYLES = {
    'tpu_bilinear': _TPU,
    'tpu_bicubic': _TPU._replace(resize=decode.bicubic),
    'tpu_bicubic_127': _TPU._replace(resize=decode.bicubic, mean=(127.0,) * 3, std=(128.0,) * 3),
    'inception': _INCEPTION,
    'inception_ascend': _INCEPTION._replace(
        jpeg={'fancy_upscaling': False, 'dct_method': 'INTEGER_FAST'}),
    'torch': _TORCH,
    'torch_bicubic': _TORCH._replace(resize=decode.antialiased_bicubic),     # timm's evaluation
    'cifar': _CIFAR,
    'digits': _CIFAR._replace(train=digits_train, flip=False),      # a mirrored 2 is no 2
}

# resize function -> the same as words of preprocess.py
_KERNELS = {decode.bilinear: {'kernel': 'bilinear', 'antialias': False},
            decode.bicubic: {'kernel': 'bicubic', 'antialias': False},
            decode.antialiased: {'kernel': 'bilinear', 'antialias': True},
            decode.antialiased_bicubic: {'kernel': 'bicubic', 'antialias': True}}


def steps(style, size):
    """Steps of input/preprocess.py that do what a style's evaluation does to a decoded image."""
    kernel = _KERNELS[style.resize]
    last = dict({'do': 'resize', 'height': size, 'width': size}, **kernel)
    return {
        tpu_evaluate: [{'do': 'central_square', 'of_short_side': size / (size + 32)}, last],
        inception_evaluate: [{'do': 'central_part', 'of_each_side': 0.875}, last],
        torch_evaluate: [dict({'do': 'resize_short_side', 'to': int(round(size * 256 / 224))},
                              **kernel), {'do': 'central_cut', 'side': size}],
        cifar_evaluate: [last]}[style.evaluate]


# Names of the originals' --preprocessing_name, --resize_method and --dataset.
ALIASES = {
    'mnasnet': 'tpu_bilinear', 'mixnet': 'tpu_bilinear', 'bilinear': 'tpu_bilinear',
    'efficientnet': 'tpu_bicubic', 'bicubic': 'tpu_bicubic', 'condconv': 'tpu_bicubic_127',
    'inception_v1': 'inception', 'inception_v2': 'inception', 'inception_v3': 'inception',
    'inception_v4': 'inception', 'inception_resnet_v2': 'inception',
    'mobilenet_v1': 'inception', 'mobilenet_v2': 'inception', 'mobilenet_v2_035': 'inception',
    'mobilenet_v2_140': 'inception', 'nasnet_mobile': 'inception', 'nasnet_large': 'inception',
    'imagenet2012': 'torch', 'torchvision': 'torch', 'cifar10': 'cifar', 'cifarnet': 'cifar',
}


def get_style(name):
    """The row of a style or alias; DataError with the nearest name otherwise."""
    key = ALIASES.get(name, name)
    if key not in STYLES:
        names = sorted(STYLES) + sorted(ALIASES)
        near = nearest(name, names) or names[:1]
        raise DataError(f'--preprocessing_name={name} is unknown; did you mean {near[0]}? '
                        f'Known: {", ".join(names)}')
    return STYLES[key]


def style_of(params, own):
    """(name, Style) that the flags leave a network whose own style is `own`."""
    name = params.preprocessing_name or own
    style = get_style(name)
    changed = {key: (given * 3)[:3] for key, given in (('mean', params.pixel_mean),
                                                       ('std', params.pixel_std)) if given}
    for key, given in ('area', params.crop_min_area), ('flip', params.random_flip):
        if given is not None:
            changed[key] = given
    return name, style._replace(**changed)


def normalise(image, size, style):
    """float32 [size, size, 3] in 0..255 to what the network expects.

    Works on rows of size * 3 values: broadcasting along an axis of 3 is ten times slower.
    """
    rows = tf.reshape(image, [size, size * 3])
    mean, std = (np.tile(np.float32(values), size) for values in (style.mean, style.std))
    rows = (rows - mean) / std
    return tf.reshape(rows, [size, size, 3])


def shown(images, style):
    """The uint8 pixels, RGB, of normalised images [..., 3] in numpy: `normalise` undone."""
    return np.clip(np.rint(np.asarray(images) * style.std + style.mean), 0, 255).astype(np.uint8)


def _augmented(image, params, seed):
    """AutoAugment or RandAugment on the clipped whole numbers, as EfficientNet's original does."""
    policies = {
        'autoaugment': lambda pixels: autoaugment.autoaugment(pixels, seed),
        'randaugment': lambda pixels: autoaugment.randaugment(
            pixels, params.randaug_num_layers, params.randaug_magnitude, seed),
    }
    if params.augment_name not in policies:
        raise DataError(f'--augment_name={params.augment_name} is unknown; '
                        f'known: {", ".join(sorted(policies))}')
    return policies[params.augment_name](image_ops.whole(image))


def train_image(encoded, size, seed, params, style):
    """Training: string scalar and seed of the example -> float32 [size, size, 3] normalised."""
    source = decode.EncodedImage(encoded, **style.jpeg)
    image = style.train(source, size, seed, style)
    if style.flip:
        flipped = coin(seed, 'flip')
        image = tf.cond(flipped, lambda: tf.reverse(image, [1]), lambda: image)
    image.set_shape([size, size, 3])
    if params.augment_name:
        image = _augmented(image, params, seed)
    if style.color:
        image = color.distort_color_fast(image / 255.0, seed) * 255.0
    image = normalise(_gray(image, params), size, style)
    if params.random_erasing:
        image = erasing.random_erasing(image, params.random_erasing, seed)
        image.set_shape([size, size, 3])
    return image


def eval_image(encoded, size, params, style, image_type=decode.EncodedImage):
    """Evaluation and serving: string scalar -> float32 [size, size, 3] normalised."""
    source = image_type(encoded, **style.jpeg)
    return normalise(_gray(style.evaluate(source, size, style), params), size, style)


def _gray(image, params):
    """--use_grayscale. NOTE: slim leaves one channel; ours keeps three equal ones, so that every
    network accepts the image."""
    if not params.use_grayscale:
        return image
    return tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(image))
