"""MobileNetV2_ID0074_for_TensorFlow: train.py with its flags and the defaults of its README.

NOTE: its code differs from its README: batch 96, no length, data in /opt/npu/models/slimImagenet.
--preprocessing_name was never read: images are prepared in one way, the recipe's.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from compat import entry

DEFAULTS = {
    'recipe': 'ascend', 'model_name': 'mobilenet_v2_140', 'data_dir': '/opt/npu/slimImagenet',
    'model_dir': './results', 'mode': 'train', 'train_batch_size': 256, 'train_epochs': 300,
    'optimizer': 'sgd', 'learning_rate': 0.1, 'lr_schedule': 'fixed', 'lr_decay_factor': 0.94,
    'lr_decay_epoch': 2.0, 'end_learning_rate': 0.0001, 'lr_warmup_epochs': 5, 'weight_decay': 0.0,
    'label_smoothing': 0.1, 'moving_average_decay': 0.0, 'optimizer_epsilon': 1.0,
    'init_exclude': ['MobilenetV2/Logits/']}


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, DEFAULTS, without=('preprocessing_name',))


if __name__ == '__main__':
    sys.exit(run(sys.argv))
