"""What a run finds in its model_dir: what it does differently from the one that stopped, what that
means, and what is left of a run that cannot go on."""

import os

from common import files, labels_file, storage
from common.console import warn
from estimator import curves, evaluations, results
from estimator.checkpoints.reading import step_of
from estimator.lock import recording

STREAM = 'the images of an epoch come in another order, some again and some not at all'
# flag or resolved number -> what a change of it does
MEANS = {
    'tensorflow': 'the run goes on, but its numbers are no longer bit for bit those of the first',
    'global_batch': 'the learning rate and the epochs follow the new batch; the stream goes on '
                    'at step x new batch, so ' + STREAM,
    'num_devices': 'each device has its own part of the stream',
    'num_train_images': 'epochs have another length; ' + STREAM,
    'data': 'training goes on with other images',
    'num_eval_images': 'evaluations from here on are not compared with those before',
    'eval_split': 'evaluations from here on are of other images',
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
# What would be taken for the new run's where the checkpoints are gone.
OF_A_RUN = ('archive', 'best_objective.txt', 'eval.csv', 'log.csv', 'params.json', 'labels.txt',
            'result.json')


def report(job, resumed):
    """Lines for the log about a run that goes on; warns of what has changed."""
    params, plan = job.params, job.run.plan
    if not resumed:
        return []
    if params.init_checkpoint:
        warn(f'--init_checkpoint={params.init_checkpoint} is ignored: {params.model_dir} holds a '
             'checkpoint of its own. Give a fresh --model_dir to start from it')
    for line in changes(files.read_record(os.path.join(params.model_dir, 'params.json')) or {},
                        dict(params._asdict(), **results.resolved(job))):
        warn(line)
    if labels_file.disagrees(params.model_dir, job.inputs.class_names):
        warn(f'the data have other class names than {params.model_dir}/labels.txt, or in another '
             'order: what the network has learned of one class now counts for another. A fresh '
             '--model_dir starts anew')
    if job.step() >= plan.train_steps:
        return []                       # nothing goes on, and the mode says so
    return [f'continuing at step {job.step()} of {plan.train_steps} ({resumed})']


def tidy(model_dir, resumed):
    """Drops evaluations later than the checkpoint a run goes on from: they are made again.

    Without one moves what is there of an earlier run aside, so that its best checkpoint and its
    evaluations are not taken for those of this one.
    """
    if resumed:
        with recording(model_dir):
            curves.trim(os.path.join(model_dir, evaluations.FILE), curves.EVALUATION,
                        step_of(resumed))
        return
    found = [name for name in OF_A_RUN if storage.exists(os.path.join(model_dir, name))]
    if not set(found) & {'archive', 'eval.csv', 'log.csv'}:
        return
    place = files.put_aside(model_dir, found)
    best = f'; --init_checkpoint={place}/archive starts from its best' if 'archive' in found else ''
    warn(f'{model_dir} holds no checkpoint to go on from: this run starts at step 0. What an '
         f'earlier one left is in {place} now ({", ".join(found)}){best}')


def changes(before, now):
    """A line for each thing in MEANS that is another one than in the params.json before."""
    old = dict(before, **(before.get('resolved') or {}))
    return [f'{name} was {_plain(old[name])} and is {_plain(now[name])}: {meaning}'
            for name, meaning in MEANS.items()
            if name in old and name in now and _plain(old[name]) != _plain(now[name])]


def _plain(value):
    """A value as params.json has it."""
    return list(value) if isinstance(value, tuple) else value
