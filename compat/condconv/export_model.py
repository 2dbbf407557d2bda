"""efficientnet-condconv_ID2074_for_TensorFlow: export_model.py with its flags.

Writes --output_tflite, and --mode=export's other files beside it or in --output_saved_model_dir.
NOTE: --quantize there is whole-integer arithmetic measured on --data_dir; without --data_dir it
is 8-bit weights here.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from common.errors import FlagError
from compat import entry, exporting

DEFAULTS = {'mode': 'export', 'model_name': 'efficientnet-b0'}
WITHOUT_MEANING = ('num_steps', 'batch_size', 'endpoint_name')

def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, DEFAULTS, without=WITHOUT_MEANING, around=around)


def around(given, defaults, start):
    """Exports to a folder, then copies the file that was asked for."""
    if not given.get('output_tflite') or not given.get('ckpt_dir'):
        raise FlagError('--ckpt_dir=FOLDER and --output_tflite=FILE must be given.')
    target, kind = given.pop('output_tflite'), given.pop('quantize', 'True')
    folder = given.pop('output_saved_model_dir', None)
    form = 'tflite' if kind.lower() != 'true' else (
        'tflite_int8' if given.get('data_dir') else 'tflite_dynamic')
    return exporting.tflite(given, defaults, start, target, form, folder)


if __name__ == '__main__':
    sys.exit(run(sys.argv))
