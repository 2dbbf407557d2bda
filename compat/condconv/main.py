"""efficientnet-condconv_ID2074_for_TensorFlow: main.py with its flags.

There --batch_size is what is fed, and --train_batch_size, which nobody gives, only scales the
learning rate and the epochs; so do they here. Results are copied to --obs_dir when it is given.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from compat import entry, modelarts

DEFAULTS = {'model_name': 'efficientnet-condconv-b0-8e', 'recipe': 'ascend',
            'log_step_count_steps': 64, 'steps_per_eval': 6255}
SCALING_BATCH = 128
RATE, DECAY_EPOCHS, WARMUP_EPOCHS = 0.016, 2.4, 5


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, DEFAULTS, rewrite=two_batches, around=modelarts.around)


def two_batches(given, defaults):
    """Feeds --batch_size at the rate and the epochs of --train_batch_size."""
    fed = given.pop('batch_size', None)
    scaling = int(given.get('train_batch_size') or SCALING_BATCH)
    if fed is None or int(fed) == scaling:
        return
    given['train_batch_size'] = fed
    rate = float(given.pop('base_learning_rate', RATE)) * scaling / 256
    share = int(fed) / scaling
    defaults.update(learning_rate=rate, lr_decay_epoch=DECAY_EPOCHS * share,
                    lr_warmup_epochs=WARMUP_EPOCHS * share)
    print(f'NOTE: batches of {fed} at the learning rate {rate:g} and the epochs of batches of '
          f'{scaling}, as in the original; --learning_rate sets another.')


if __name__ == '__main__':
    sys.exit(run(sys.argv))
