"""slim's nets/post_training_quantization.py, which the MobileNetV2 README names, with its flags.

A checkpoint -> a TFLite file in integers throughout, measured on images of --dataset_dir. NOTE:
there input and output are int8 and every network's images lie in -1..1; here they are uint8 and
each network has its own preprocessing. TFRecords or folders of images are read, not TFDS' name.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..'))

from common.errors import FlagError
from compat import entry, exporting

NEEDED = ('model_name', 'checkpoint_path', 'dataset_dir', 'output_tflite')
WITHOUT_MEANING = ('num_steps', 'dataset_name', 'dataset_split',
                   'use_model_specific_preprocessing')


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, {'mode': 'export'}, without=WITHOUT_MEANING, around=around)


def around(given, defaults, start):
    """Exports to a folder beside the file that was asked for, then puts that file there."""
    missing = [name for name in NEEDED if not given.get(name)]
    if missing:
        raise FlagError(f'--{missing[0]} must be given.')
    if 'enable_ema' in given:
        given['export_moving_average'] = given.pop('enable_ema')
    target = given.pop('output_tflite')
    folder = os.path.splitext(target)[0]
    return exporting.tflite(given, dict(defaults, model_dir=folder), start, target, 'tflite_int8',
                            folder)


if __name__ == '__main__':
    sys.exit(run(sys.argv))
