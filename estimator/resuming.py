"""What a run that goes on does differently from the one that stopped, and what that means."""

import os

from common.console import warn
from common.files import read_record
from estimator import results

STREAM = 'the images of an epoch come in another order, some again and some not at all'
# flag or resolved number -> what a change of it does
MEANS = {
    'global_batch': 'the learning rate and the epochs follow the new batch; the stream goes on '
                    'at step x new batch, so ' + STREAM,
    'num_devices': 'each device has its own part of the stream',
    'num_train_images': 'epochs have another length; ' + STREAM,
    'data': 'training goes on with other images',
    'seed': STREAM,
    'shuffle_buffer': STREAM,
    'image_size': 'the weights go on with images of another size',
    'train_steps': 'the learning rate schedule is stretched to the new end',
    'recipe': 'see the flags it changes with --explain',
    'optimizer': 'its slots are not in the checkpoint',
    'learning_rate': 'it counts from here on',
    'base_learning_rate': 'it counts from here on',
    'lr_schedule': 'it counts from here on',
    'backbone_lr_scale': 'it counts from here on',
    'class_weights': 'they count from here on',
    'balanced_sampling': STREAM,
    'weight_decay': 'it counts from here on',
    'moving_average_decay': 'it counts from here on',
    'freeze': 'the optimizer has no slots of variables that were frozen',
    'augment_name': 'the pictures look different from here on',
    'preprocessing_name': 'the pictures look different from here on',
}


def report(job, resumed):
    """Lines for the log about a run that goes on; warns of what has changed."""
    params, plan = job.params, job.run.plan
    if not resumed:
        return []
    if params.init_checkpoint:
        warn(f'--init_checkpoint={params.init_checkpoint} is ignored: {params.model_dir} holds a '
             'checkpoint of its own. Give a fresh --model_dir to start from it')
    for line in changes(read_record(os.path.join(params.model_dir, 'params.json')) or {},
                        dict(params._asdict(), **results.resolved(job))):
        warn(line)
    if job.step() >= plan.train_steps:
        return []                       # nothing goes on, and the mode says so
    return [f'continuing at step {job.step()} of {plan.train_steps} ({resumed})']


def changes(before, now):
    """A line for each thing in MEANS that is another one than in the params.json before."""
    old = dict(before, **(before.get('resolved') or {}))
    return [f'{name} was {_plain(old[name])} and is {_plain(now[name])}: {meaning}'
            for name, meaning in MEANS.items()
            if name in old and name in now and _plain(old[name]) != _plain(now[name])]


def _plain(value):
    """A value as params.json has it."""
    return list(value) if isinstance(value, tuple) else value
