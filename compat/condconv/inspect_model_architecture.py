"""efficientnet-condconv_ID2074_for_TensorFlow: inspect_model_architecture.py with its flags.

NOTE: there CondConv names failed, and a TFLite file was written on the way (export_model.py
does); here --output_tflite writes nothing.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from compat import entry

DEFAULTS = {'mode': 'inspect', 'model_name': 'efficientnet-b0'}


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, DEFAULTS, without=('output_tflite',))


if __name__ == '__main__':
    sys.exit(run(sys.argv))
