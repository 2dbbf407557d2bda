"""MIXNET_ID2072_for_TensorFlow: post_quantization.py with its flags.

A SavedModel that --mode=export has written -> a TFLite file with 8-bit weights, with --require_int8
one in integers throughout, measured on --data_dir, uint8 in and out. NOTE: there activations have 8
bits without --require_int8 too, where a kernel exists; here they are then computed in floating
point. --model_name says which network it is, default mixnet-s.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from common.errors import FlagError
from compat import entry, exporting

DEFAULTS = {'mode': 'export', 'model_name': 'mixnet-s'}
WITHOUT_MEANING = ('num_steps', 'batch_size', 'input_name', 'output_name')


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, DEFAULTS, around=around)


def around(given, defaults, start):
    """The SavedModel's weights are imported, then exported again."""
    if not given.get('saved_model_dir') or not given.get('output_tflite'):
        raise FlagError('--saved_model_dir=FOLDER and --output_tflite=FILE must be given.')
    integers = given.pop('require_int8', 'False').lower() == 'true'
    if not integers:
        given.pop('data_dir', None)
    for name in WITHOUT_MEANING:
        given.pop(name, None)
    target, source = given.pop('output_tflite'), given.pop('saved_model_dir')
    folder = os.path.splitext(target)[0]
    defaults = dict(defaults, init_checkpoint=source, model_dir=folder)
    return exporting.tflite(given, defaults, start, target,
                            'tflite_int8' if integers else 'tflite_dynamic', folder)


if __name__ == '__main__':
    sys.exit(run(sys.argv))
