"""Learning rate as a pure function of the global step.

Each row names the decay, how its original warms up, and how it counts an epoch; a resumed run
therefore gets exactly the rate it would have had. Sources: tensorflow/tpu models/official
(mnasnet/mnas_utils.py, efficientnet/utils.py), slim (train_image_classifier.py,
mobilenet_v1_train.py), the Ascend ports' env.py, MindSpore's lr_generator.py and the PyTorch
MnasNet trainer.
"""

import collections
import math

import tensorflow.compat.v1 as tf

from common.errors import FlagError

Schedule = collections.namedtuple('Schedule', ['decay', 'warm_up', 'whole_epochs', 'defaults'])
Schedule.__doc__ = """A schedule.

decay(run, step) -> rate; warm_up(run, step, rate) -> rate; whole_epochs: the original rounds steps
per epoch down; defaults: the original's values of the flags that are not set.
"""

_Run = collections.namedtuple('_Run', ['peak', 'epoch', 'total', 'warm', 'given'])


def peak_learning_rate(params, plan):
    """Rate the schedule starts from: --learning_rate, or --base_learning_rate per 256 images."""
    if params.learning_rate is not None:
        return float(params.learning_rate)
    if params.base_learning_rate is None:
        raise FlagError('The recipe has no learning rate: set --learning_rate=0.1, or '
                        '--base_learning_rate=0.016 for a rate per 256 images of global batch.')
    return params.base_learning_rate * plan.global_batch / 256.0


def learning_rate(params, plan, global_step):
    """Float32 scalar tensor; global_step: integer scalar tensor or variable, counts updates."""
    if params.lr_schedule not in SCHEDULES:
        raise FlagError(f'Unknown --lr_schedule={params.lr_schedule}; '
                        f'one of {", ".join(sorted(SCHEDULES))}.')
    row = SCHEDULES[params.lr_schedule]
    epoch = plan.steps_per_epoch
    if row.whole_epochs:
        epoch = max(1, math.floor(epoch))

    def given(name):
        value = getattr(params, name)
        return row.defaults.get(name) if value is None else value

    run = _Run(peak_learning_rate(params, plan), epoch, plan.train_steps,
               (params.lr_warmup_epochs or 0) * epoch, given)
    step = tf.cast(global_step, tf.int64)
    return tf.cast(row.warm_up(run, step, row.decay(run, step)), tf.float32)


def _float(step, dtype='float32'):
    return tf.cast(step, dtype)


def _no_warm_up(run, step, rate):
    return rate


def _warm_up_first(run, step, rate):
    """TPU: a ramp from 0 in place of the schedule, which has been counting meanwhile."""
    steps = int(run.warm)
    if not steps:
        return rate
    return tf.where(step < steps, run.peak * _float(step) / float(steps), rate)


def _warm_up_minimum(run, step, rate):
    """Ascend: the lower of the ramp from 0 and the schedule."""
    if not run.warm:
        return rate
    return tf.minimum(run.peak * _float(step) / float(run.warm), rate)


def _constant(run, step):
    return tf.constant(run.peak, tf.float32)


def _exponential(run, step):
    """A staircase counted from step 0, also through the warm-up."""
    stairs = tf.floor(_float(step) / (run.epoch * run.given('lr_decay_epoch')))
    return run.peak * tf.pow(tf.constant(run.given('lr_decay_factor'), tf.float32), stairs)


def _exponential_whole_steps(run, step):
    """slim: the stair is a whole number of steps."""
    stairs = step // int(run.epoch * run.given('lr_decay_epoch'))
    return run.peak * tf.pow(
        tf.constant(run.given('lr_decay_factor'), tf.float32), _float(stairs))


def _cosine(run, step):
    """efficientnet: half a cosine over the whole run, not shifted by the warm-up."""
    return 0.5 * run.peak * (1.0 + tf.cos(math.pi * _float(step) / float(run.total)))


def _cosine_annealing(run, step):
    """Ascend: constant within an epoch, by its first step."""
    fraction = _float(tf.minimum(step // run.epoch * run.epoch, run.total)) / float(run.total)
    return run.peak * (0.5 * (1.0 + tf.cos(math.pi * fraction)))


def _polynomial(run, done, length, power):
    """From the peak to end_learning_rate in `length` steps of which `done` are over."""
    end = run.given('end_learning_rate')
    fraction = _float(tf.minimum(done, length)) / float(length)
    return (run.peak - end) * tf.pow(1.0 - fraction, power) + end


def _poly(run, step):
    """efficientnet: squared, from the end of the warm-up (one step ahead) to the end of the run.

    NOTE: its end is 0.1 whatever the peak, as in the original; set end_learning_rate for less.
    """
    warm = int(run.warm)
    return _polynomial(run, tf.maximum(step - warm, 1), max(run.total - warm + 1, 1), 2.0)


def _polynomial_decay(run, step):
    """slim and Ascend: linear, and over after lr_decay_epoch epochs."""
    return _polynomial(run, step, int(run.epoch * run.given('lr_decay_epoch')), 1.0)


def _piecewise(run, step):
    """Rates (lr_decay_values, one more than there are boundaries) by epoch; tenths if not given."""
    boundaries = list(run.given('lr_decay_boundaries') or ())
    values = list(run.given('lr_decay_values') or ()) or [
        run.peak * run.given('lr_decay_factor') ** index for index in range(len(boundaries) + 1)]
    if not boundaries or boundaries != sorted(boundaries) or len(values) != len(boundaries) + 1:
        raise FlagError(
            f'--lr_schedule=piecewise needs rising epochs and one rate more than epochs, got '
            f'{boundaries} and {values}: e.g. --lr_decay_boundaries=30,60,80 '
            '--lr_decay_values=0.1,0.01,0.001,0.0001.')
    steps = [int(round(boundary * run.epoch)) for boundary in boundaries]
    index = tf.reduce_sum(tf.cast(step >= tf.constant(steps, tf.int64), tf.int32))
    return tf.gather(tf.constant(values, tf.float32), index)


def _mindspore(shape, ramp_offset=0):
    """MindSpore's generator: a ramp from lr_init, then `shape(run, i)`, i steps as float64."""
    def decay(run, step):
        step = _float(tf.minimum(step, run.total - 1), tf.float64)
        rate = shape(run, step)
        if not run.warm:
            return rate
        start = run.given('lr_init')
        ramp = start + (run.peak - start) * (step + ramp_offset) / run.warm
        return tf.where(step < run.warm, ramp, rate)
    return decay


def _after_warm_up(run, step):
    return (step - run.warm) / max(run.total - run.warm, 1)


def _mindspore_linear(run, step):
    return run.peak - (run.peak - run.given('end_learning_rate')) * _after_warm_up(run, step)


def _mindspore_poly(run, step):
    return run.peak * tf.square(tf.maximum(1.0 - _after_warm_up(run, step), 0.0))


def _mindspore_cosine(run, step):
    """The wave counts from step 0, its linear envelope reaches 0 at the end."""
    length = max(run.total - run.warm, 1)
    wave = 0.5 * (1.0 + tf.cos(2.0 * 0.47 * math.pi * step / length))
    return run.peak * ((run.total - step) / length * wave + 1e-5)


def _mindspore_steps(run, step):
    """Tenths after .3, .6 and .8 of the run; this one has no warm-up."""
    step = _float(step, tf.float64)
    passed = tf.reduce_sum(tf.cast(
        step >= tf.constant([run.total * part for part in (0.3, 0.6, 0.8)], tf.float64),
        tf.int32))
    return run.peak * tf.gather(tf.constant([1.0, 0.1, 0.01, 0.001], tf.float64), passed)


def _torch_cosine(run, step):
    """Per epoch: a ramp from lr_init (a part of the peak), then half a cosine to 0."""
    epoch = tf.floor(_float(step, tf.float64) / run.epoch)
    warm = run.warm / run.epoch
    length = max(run.total / run.epoch - warm, 1e-9)
    fraction = tf.clip_by_value((epoch - warm) / length, 0.0, 1.0)
    rate = 0.5 * (1.0 + tf.cos(math.pi * fraction))
    if warm:
        start = run.given('lr_init')
        rate = tf.where(epoch < warm, start + (1.0 - start) * epoch / warm, rate)
    return run.peak * rate


_TPU = {'lr_decay_factor': 0.97, 'lr_decay_epoch': 2.4, 'end_learning_rate': 0.1}
_SLIM = {'lr_decay_factor': 0.94, 'lr_decay_epoch': 2.0, 'end_learning_rate': 1e-4}
_MINDSPORE = {'lr_init': 0.0, 'end_learning_rate': 0.0}

SCHEDULES = {
    'exponential': Schedule(_exponential, _warm_up_first, False, _TPU),
    'cosine': Schedule(_cosine, _warm_up_first, False, _TPU),
    'poly': Schedule(_poly, _warm_up_first, False, _TPU),
    'constant': Schedule(_constant, _warm_up_first, False, _TPU),
    'piecewise': Schedule(_piecewise, _warm_up_first, False, {'lr_decay_factor': 0.1}),
    'slim_exponential': Schedule(_exponential_whole_steps, _warm_up_minimum, False, _SLIM),
    'ascend_exponential': Schedule(_exponential_whole_steps, _warm_up_minimum, True, _SLIM),
    'cosine_annealing': Schedule(_cosine_annealing, _warm_up_minimum, True, _SLIM),
    'polynomial': Schedule(_polynomial_decay, _warm_up_minimum, True, _SLIM),
    'fixed': Schedule(_constant, _warm_up_minimum, True, _SLIM),
    'mindspore_linear': Schedule(_mindspore(_mindspore_linear), _no_warm_up, True, _MINDSPORE),
    'mindspore_poly': Schedule(_mindspore(_mindspore_poly), _no_warm_up, True, _MINDSPORE),
    'mindspore_cosine': Schedule(_mindspore(_mindspore_cosine, 1), _no_warm_up, True, _MINDSPORE),
    'mindspore_steps': Schedule(_mindspore_steps, _no_warm_up, True, _MINDSPORE),
    'torch_cosine': Schedule(_torch_cosine, _no_warm_up, False, {'lr_init': 0.1}),
}
