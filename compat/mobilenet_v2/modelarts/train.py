"""MobileNetV2_ID0074_for_TensorFlow: modelarts/train.py with its flags and defaults.

Data are copied from --data_url to --dataset_dir, results from --output_dir to --train_url.
NOTE: there 200 steps are a default that --max_epoch contradicts; here --max_epoch replaces them.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..'))

from compat import entry, modelarts

DEFAULTS = {
    'recipe': 'ascend', 'model_name': 'mobilenet_v2', 'mode': 'train', 'train_steps': 200,
    'learning_rate': 0.4, 'iterations_per_loop': 50}


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, DEFAULTS, around=around)


def around(given, defaults, start):
    """Copies in, trains, copies out."""
    data, results = given.pop('dataset_dir', '/cache'), given.pop('output_dir', '/cache/ckpt_first')
    places = modelarts.Places(given.pop('data_url', None), data, given.pop('train_url', None),
                              results)
    with modelarts.staged(places):
        return start(given, dict(defaults, data_dir=data, model_dir=results))


if __name__ == '__main__':
    sys.exit(run(sys.argv))
