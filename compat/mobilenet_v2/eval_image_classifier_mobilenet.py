"""MobileNetV2_ID0074_for_TensorFlow: eval_image_classifier_mobilenet.py with its flags.

--checkpoint_path is a checkpoint or a folder, all of whose checkpoints are evaluated; without it
the newest of result/8p/0/results. The weights are the plain ones, as there.
NOTE: there the last batches were left out; here every image counts.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from compat import entry

DEFAULTS = {
    'recipe': 'ascend', 'model_name': 'mobilenet_v2', 'data_dir': '/opt/npu/slimImagenet',
    'model_dir': './eval_results', 'mode': 'eval', 'eval_batch_size': 256, 'eval_weights': 'raw',
    'init_checkpoint': './result/8p/0/results'}


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, DEFAULTS, rewrite=a_folder_is_all_of_it)


def a_folder_is_all_of_it(given, defaults):
    """A folder given as --checkpoint_path means all checkpoints in it."""
    batch = given.pop('batch_size', None)
    if batch:
        given['eval_batch_size'] = batch
    defaults['eval_all'] = os.path.isdir(given.get('checkpoint_path', ''))


if __name__ == '__main__':
    sys.exit(run(sys.argv))
