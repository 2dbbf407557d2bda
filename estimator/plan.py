"""How long training lasts, in steps and epochs of the global batch."""

import collections
import math

from common.errors import FlagError

Plan = collections.namedtuple('Plan', ['train_steps', 'steps_per_epoch', 'global_batch', 'epochs'])
Plan.__doc__ = """Length of a run, everything else (schedules, progress, saving) derives from it.

train_steps: int, updates of the weights; steps_per_epoch: float, images / global_batch, not
rounded (a schedule whose original floors does so itself); global_batch: images of one update over
all replicas, processes and accumulated micro-batches; epochs: float, train_steps in epochs.
"""


LEAST_STEPS_PER_EVAL = 100
MOST_EPOCHS = 2000      # the longest published recipe here has 600


def make_plan(params, num_train_images, global_batch):
    """Plan of a run; params.train_steps wins over params.train_epochs when both are set.

    Raises FlagError when neither is set, or when one is not positive.
    """
    if global_batch < 1 or num_train_images < 1:
        raise FlagError(f'Cannot plan training with {num_train_images} images and a global batch '
                        f'of {global_batch}: both must be positive. Check --num_train_images and '
                        '--train_batch_size.')
    steps_per_epoch = num_train_images / global_batch
    if params.train_steps is not None:
        steps = int(params.train_steps)
    elif params.train_epochs is not None:
        steps = int(round(params.train_epochs * steps_per_epoch))
    else:
        raise FlagError('The recipe does not say how long to train: neither train_steps nor '
                        'train_epochs is set. Add --train_steps=1000 or --train_epochs=90.')
    if steps < 1 and (params.train_epochs or 0) > 0 and params.train_steps is None:
        raise FlagError(f'{params.train_epochs:g} epochs of {num_train_images} training images do '
                        f'not fill one step of {global_batch}; lower --train_batch_size or raise '
                        '--train_epochs.')
    if steps < 1:
        raise FlagError(f'Training would last {steps} steps (--train_steps={params.train_steps}, '
                        f'--train_epochs={params.train_epochs}); give a positive number.')
    return Plan(steps, steps_per_epoch, int(global_batch), steps / steps_per_epoch)


def steps_per_eval(params, plan):
    """Steps between evaluations: as the flags say, else the default.

    Rounded up: rounded down, the last two of a run would be a step or two apart.
    """
    if params.epochs_per_eval:
        return max(1, math.ceil(round(params.epochs_per_eval * plan.steps_per_epoch, 6)))
    return params.steps_per_eval or default_steps_per_eval(plan)


def default_steps_per_eval(plan):
    """Steps between evaluations: an epoch, but not less than LEAST_STEPS_PER_EVAL.

    NOTE: the TPU originals evaluate every 6255 steps, 5 epochs of ImageNet at their batch of 1024.
    """
    return max(int(round(plan.steps_per_epoch)), LEAST_STEPS_PER_EVAL)


def doubts(params, plan, num_train_images):
    """Sentences about a plan that is possible but hardly meant."""
    found = []
    if params.balanced_sampling and params.class_weights == 'balanced':
        found.append('rare classes count twice: --balanced_sampling shows them more often, and '
                     '--class_weights=balanced weighs them more as well; leave one of them out')
    if plan.epochs > MOST_EPOCHS:
        found.append(f'{plan.train_steps} steps are {plan.epochs:,.0f} epochs of '
                     f'{num_train_images} images; set --train_epochs=N or --train_steps=N')
    if plan.global_batch > num_train_images:
        found.append(f'a step takes {plan.global_batch} images and there are {num_train_images}; '
                     'set --train_batch_size=N')
    return found
