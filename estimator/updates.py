"""What a training step does with its loss: gradients, the weights' update, statistics, averages."""

import tensorflow.compat.v1 as tf

from common import scopes
from common.errors import FlagError
from estimator.checkpoints import optional
from estimator.checkpoints import reading as checkpoints
from estimator.devices import npu, replicas
from estimator.hooks import published
from estimator.training import (
    accumulation,
    averaging,
    clipping,
    loss_scale,
    optimizers,
    synchronous,
    two_rates,
)


def update(network, run, loss, rate, step):
    """(train_op, norm of the gradient): optimizer step, batch statistics, moving average."""
    params = run.params
    early = params.moving_average_order == 'before'
    average = None
    if params.moving_average_decay:
        average = averaging.MovingAverage(params.moving_average_decay)
    updates = list(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
    if replicas.number() > 1:
        updates.append(synchronous.update_statistics())
    if average and early:
        updates.append(average.apply(network.model_variables(), step))
    optimizer = _optimizer(run, rate, step)
    gradients = optimizer.compute_gradients(loss, trained_variables(params, run.head))
    published.publish_group('gradients', {variable.op.name: tf.convert_to_tensor(gradient)
                                          for gradient, variable in gradients
                                          if gradient is not None})
    accumulates = isinstance(optimizer, accumulation.Accumulator)
    inside = accumulates or replicas.number() > 1
    gradients, norm = clipping.clip(gradients, 0 if inside else params.gradient_clip_norm)
    # One operation waits for all updates, and the optimizer's for it. Made where they would wait
    # for the updates themselves, gradients of mixnet-s had 194,000 such edges.
    with tf.control_dependencies([tf.group(*updates)]):
        train_op = optimizer.apply_gradients(gradients, step)
    if inside:
        with tf.control_dependencies([train_op]):
            norm = clipping.last_norm().read_value()
    if average and not early:
        with tf.control_dependencies([train_op]):
            train_op = average.apply(network.model_variables(), step,
                                     when=optimizer.due if accumulates else None)
    if average and run.initial:     # a replica's average knows the first initial value only
        checkpoints.initialize(run.initial, averaging.shadow_name)
    return train_op, norm


def _optimizer(run, rate, step):
    """The optimizer with loss scaling and gradient accumulation around it, as asked for."""
    params = run.params
    if run.precision.loss_scale == 'dynamic' and run.device.kind != 'npu':
        optional.use_saver(params.model_dir, params.keep_checkpoint_max)
    optimizer = _of_rates(run, rate, step)
    if replicas.number() > 1:
        optimizer = synchronous.Synchronous(optimizer, params.gradient_clip_norm)
    if run.device.kind == 'npu':
        optimizer = npu.wrap_optimizer(optimizer, run)
    else:
        optimizer = loss_scale.wrap(optimizer, run.precision.loss_scale)
    if params.gradient_accumulation_steps == 1:
        return optimizer
    if params.moving_average_decay and params.moving_average_order == 'before':
        raise FlagError('--gradient_accumulation_steps does not go with '
                        '--moving_average_order=before; use --moving_average_order=after.')
    return accumulation.Accumulator(optimizer, params.gradient_accumulation_steps,
                                    params.gradient_clip_norm)


def _of_rates(run, rate, step):
    """The optimizer of --optimizer, or one of it for the backbone and one for the classifier."""
    params = run.params
    if params.backbone_lr_scale == 1 and not params.head_epochs:
        return optimizers.make(params, rate)
    below = two_rates.backbone_rate(params, run.plan, step, rate)
    return two_rates.TwoRates(optimizers.make(params, below), optimizers.make(params, rate),
                              run.head)


def trained_variables(params, head=None):
    """Trainable variables that `--freeze` leaves trainable, `--trainable_scopes` names.

    With --backbone_lr_scale=0 those in the scope `head` alone.
    """
    frozen, wanted = params.freeze, tuple(params.trainable_scopes)
    if not params.backbone_lr_scale and not wanted:
        wanted = (f'{head}/',)
    found = [v for v in tf.trainable_variables() if not scopes.inside(v.op.name, frozen)
             and v.op.name.startswith(wanted or ('',))]
    if not found:
        raise FlagError(f'--freeze={",".join(frozen)} and --trainable_scopes={",".join(wanted)} '
                        'leave no variable to train; --mode=inspect lists the names.')
    return found
