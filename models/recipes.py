"""Recipes that every network has, for data far smaller than those of the published ones.

A published recipe lasts as long as 1.28 million images need: of 500 images it would make 175,000
epochs, its averages would follow nothing in ten thousand steps. `small` trains from scratch,
`finetune` from weights that know other images. What depends on the number of images is in LENGTHS.
"""

import collections
import math

# Below so many training images, a twentieth of ImageNet's, a published recipe is not the default.
FEW = 64000

SMALL, FINETUNE = 'small', 'finetune'

_BOTH = {
    'lr_schedule': 'cosine',
    'lr_warmup_epochs': 1,
    'gradient_clip_norm': 5.0,
    'moving_average_order': 'after',
    'eval_batch_size': 64,
}
SHARED = {
    SMALL: dict(
        _BOTH,
        optimizer='momentum',
        momentum=0.9,
        base_learning_rate=0.24,            # 0.03 for 32 images
        weight_decay=1e-4,
        label_smoothing=0.1,
        dropout_rate=0.1,
        survival_prob=1.0,
        crop_min_area=0.65,                 # at 0.35 little networks do not fit their images
        batch_norm_momentum=0.9),
    FINETUNE: dict(
        _BOTH,
        optimizer='adam',                   # whatever the scale of the weights brought in
        base_learning_rate=0.032,           # of the classifier: 0.002 for 16 images
        head_start='zero',                  # of a random one, few images leave much as it was
        backbone_lr_scale=0.05,
        weight_decay=4e-5,
        label_smoothing=0.1,
        crop_min_area=0.35,                 # of few images little is left to the crop
        batch_norm_statistics='moving'),    # those of the weights: small batches have none
}

Length = collections.namedtuple('Length', ['images', 'batch', 'epochs'])
Length.__doc__ = """images: up to so many; batch: images of one step; epochs: of the whole run."""
LENGTHS = {
    SMALL: (Length(300, 8, 100), Length(1000, 16, 50), Length(4000, 32, 50),
            Length(20000, 32, 40), Length(None, 64, 30)),
    FINETUNE: (Length(300, 8, 40), Length(1000, 16, 20), Length(4000, 32, 15),
               Length(20000, 32, 10), Length(None, 64, 8)),
}
MOST_EVALUATIONS = 50
LINES = 4                       # progress lines an epoch, ten steps apart at least
AVERAGES = 0.9, 0.9999          # least and largest decay
# From scratch, images are enlarged to twice their side at most: of 32 pixels a network for 224
# learns the same in twelve times the time. Sizes are multiples of the networks' stride.
ENLARGED, STRIDE, LEAST_SIZE = 2, 32, 64


Data = collections.namedtuple('Data', ['images', 'batch', 'has_weights', 'side', 'epochs'])
Data.__new__.__defaults__ = (None, None, False, lambda: None, None)
Data.__doc__ = """What is trained on, as far as it is known before the flags are.

images: training images; batch: images of a step on all devices, where the user says so;
has_weights: whether training starts from a checkpoint; side: function that gives the usual side of
the images in pixels, None where it is not known; epochs: of the whole run, where the user says so.
"""


def default(data):
    """Name of the recipe for these Data, None for a published one."""
    if data.images is None or data.images >= FEW:
        return None
    return FINETUNE if data.has_weights else SMALL


def size_for(side):
    """Input size that is enough for images of a side in pixels; math.inf for None."""
    if side is None:
        return math.inf
    return max(LEAST_SIZE, -(-ENLARGED * side // STRIDE) * STRIDE)


def flags(name, devices=1, data=Data(), image_size=224):
    """A shared recipe, one of SHARED: dict of canonical flag -> value.

    devices: train together; image_size: the network's.
    """
    images = data.images
    row = next(row for row in LENGTHS[name]
               if row.images is None or images is not None and images <= row.images)
    own = max(1, min(row.batch, images or row.batch) // devices)
    found = dict(SHARED[name], recipe=name, train_batch_size=own, train_epochs=row.epochs,
                 epochs_per_eval=max(1, math.ceil((data.epochs or row.epochs) / MOST_EVALUATIONS)))
    if name == SMALL and images and size_for(data.side()) < image_size:
        found['input_image_size'] = size_for(data.side())
    steps = (images or FEW) / (data.batch or own * devices)
    found['log_step_count_steps'] = max(10, int(steps / LINES) // 10 * 10)
    least, most = AVERAGES
    found['moving_average_decay'] = round(min(max(1 - 1 / max(steps, 1), least), most), 4)
    return found
