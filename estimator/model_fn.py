"""The training head every network shares: logits -> loss -> train_op / metrics / predictions.

What differs between networks is handed in by their `model_fn_builder` (the graph, the weight decay
rule, the averaged variables), what differs between runs is the Run.
"""

import collections

import tensorflow.compat.v1 as tf

from common import scopes
from estimator import mirror, updates
from estimator.checkpoints import reading as checkpoints
from estimator.devices import replicas, session
from estimator.hooks import events, outcomes, published
from estimator.training import (
    accumulation,
    averaging,
    losses,
    schedules,
)

# Steps a run can have before its random draws repeat those of another replica or rank.
PARTS = 1 << 40

Own = collections.namedtuple('Own', ['build', 'regularization_loss', 'model_variables'])
Own.__doc__ = """What is a network's own; see the methods of models.network.Network."""


def build(build_network, regularization_loss, model_variables, run):
    """Estimator model_fn(features, labels, mode) of a network.

    build_network, regularization_loss, model_variables: see Own; run: run.Run.
    features: {'image': [batch, height, width, 3] normalised}; labels: {'label': int64 [batch]}
    and, with mixup or CutMix, {'target': float32 [batch, num_classes]}; of evaluation batches that
    were filled up, {'weight': float32 [batch]}.
    """
    network = Own(build_network, regularization_loss, model_variables)

    def model_fn(features, labels, mode):
        images = features['image']
        if mode == tf.estimator.ModeKeys.PREDICT:
            return _predict(network, run, features)
        if mode == tf.estimator.ModeKeys.EVAL:
            return _evaluate(network, run, images, labels)
        return _train(network, run, images, labels)
    return model_fn


def averaged_logits(network, arguments, images, weights, reuse=tf.AUTO_REUSE, device=None):
    """Inference logits under the raw or the averaged ('ema') weights; device: of the build."""
    getter = averaging.shadow_getter if weights == 'ema' else None
    with tf.variable_scope(tf.get_variable_scope(), custom_getter=getter, reuse=reuse):
        return network.build(images, training=False, device=device, **arguments)


def _inference(network, run, images, weights):
    def build(images):
        return averaged_logits(network, run.arguments, images, weights, device=run.device.kind)
    return mirror.both_ways(build, images) if run.params.test_flip else build(images)


def _train(network, run, images, labels):
    params, num_classes = run.params, run.arguments['num_classes']
    step = tf.train.get_or_create_global_step()
    seed = tf.stack([tf.constant(params.seed, tf.int64), _draw(run, step)])
    published.publish_group('inputs', dict(labels, image=images))
    if run.device.kind != 'npu':
        published.publish(input_ready=_moment_of(images))
    images = tf.cast(images, run.precision.compute_dtype)
    with tf.variable_scope(tf.get_variable_scope(), custom_getter=_start_of_head(run)):
        logits, endpoints = network.build(images, training=True, seed=seed, device=run.device.kind,
                                          frozen=params.freeze, weights_only=True, **run.arguments)
    if run.initial:
        checkpoints.initialize(run.initial)
    session.trust_initializers(run.device)
    session.skip_search_for_xla(run.params, run.device)
    target = labels.get('target', labels['label'])
    entropy = losses.cross_entropy(
        logits, target, num_classes, params.label_smoothing, params.label_smoothing_style)
    if run.class_weights:
        entropy *= losses.weight_of(target, run.class_weights)
    entropy = tf.reduce_mean(entropy)
    decay = network.regularization_loss(params.weight_decay, params.weight_decay_on)
    loss = tf.add(entropy, decay, name='loss')
    rate = schedules.learning_rate(params, run.plan, step)
    train_op, gradient_norm = updates.update(network, run, loss, rate, step)
    if run.device.kind == 'npu':    # where an update can be left out and a run has many steps
        with tf.control_dependencies([train_op]):
            published.publish(step_after=step.read_value())
    top_1, top_5 = [tf.reduce_mean(_hits(logits, labels['label'], k)) for k in (1, 5)]
    shown, entropy, top_1, top_5 = replicas.mean([loss, entropy, top_1, top_5])
    published.publish(loss=shown, cross_entropy=entropy, weight_decay=decay, learning_rate=rate,
                      gradient_norm=gradient_norm, train_accuracy=top_1,
                      train_top_5_accuracy=top_5)
    published.publish_group('endpoints', endpoints)
    return tf.estimator.EstimatorSpec(tf.estimator.ModeKeys.TRAIN, loss=loss, train_op=train_op)


def _start_of_head(run):
    """Getter of variables that lets a classifier which --init_checkpoint does not fill start at 0
    (--head_start=zero), or None."""
    def start(getter, name, *args, **more):
        if scopes.inside(name, [run.head]) and name not in run.initial.assignment:
            more['initializer'] = tf.zeros_initializer()
        return getter(name, *args, **more)

    return start if run.initial and run.params.head_start == 'zero' else None


def _moment_of(tensor):
    """float64 scalar: the time, in seconds since 1970, at which a tensor is there."""
    with tf.control_dependencies([tensor]):
        return tf.timestamp()


def _draw(run, step):
    """What random draws follow besides the seed, int64: the step, and in the upper bits the number
    of the micro-batch, replica or rank, so that each draws differently and one as it does alone."""
    rank = run.device.rank
    part = replicas.index(rank) if replicas.number() > 1 else tf.constant(rank, tf.int64)
    if run.params.gradient_accumulation_steps > 1:
        part += accumulation.micro_batch() * run.device.count
    return tf.cast(step, tf.int64) + part * PARTS


def _evaluate(network, run, images, labels):
    params, num_classes = run.params, run.arguments['num_classes']
    label, weight = labels['label'], labels.get('weight')
    metrics, loss = {}, None
    for weights in run.eval_weights:
        logits, _ = _inference(network, run, images, weights)
        entropy = losses.cross_entropy(
            logits, label, num_classes, params.label_smoothing, params.label_smoothing_style)
        if loss is None:
            loss = _mean(entropy, weight)
            events.publish_mistakes(run, images, labels, logits)
            outcomes.publish(run, images, labels, logits)
        metrics[f'cross_entropy_{weights}'] = tf.metrics.mean(entropy, weight)
        for k in (1, 5):
            metrics[f'top_{k}_accuracy_{weights}'] = tf.metrics.mean(
                _hits(logits, label, k), weight)
    headline = run.eval_weights[0]
    for k in (1, 5):
        metrics[f'top_{k}_accuracy'] = metrics[f'top_{k}_accuracy_{headline}']
    metrics['cross_entropy'] = metrics[f'cross_entropy_{headline}']
    published.publish(running_accuracy=metrics['top_1_accuracy'][1])
    # As in training, so that both are one diagram; without decay where only averages are built.
    loss += network.regularization_loss(params.weight_decay, params.weight_decay_on)
    metrics['eval_examples'] = _count(
        tf.shape(label, out_type=tf.int64)[0] if weight is None
        else tf.cast(tf.reduce_sum(weight), tf.int64))
    return tf.estimator.EstimatorSpec(tf.estimator.ModeKeys.EVAL, loss=loss,
                                      eval_metric_ops=metrics)


def _mean(values, weight):
    """Mean of [batch], of the examples whose weight is not 0 when there are weights."""
    if weight is None:
        return tf.reduce_mean(values)
    return tf.div_no_nan(tf.reduce_sum(values * weight), tf.reduce_sum(weight))


def _hits(logits, label, k):
    """float32 [batch]: whether the label is among the k largest logits, of fewer classes all."""
    return tf.cast(losses.top_k_hits(logits, label, min(k, logits.shape[1].value)), tf.float32)


def _count(number):
    """Streaming sum of an int64 scalar over all replicas, as a metric."""
    total = tf.get_variable(
        'eval_examples_total', [], tf.int64, initializer=tf.zeros_initializer(), trainable=False,
        use_resource=True,
        collections=[tf.GraphKeys.LOCAL_VARIABLES, tf.GraphKeys.METRIC_VARIABLES],
        synchronization=tf.VariableSynchronization.ON_READ, aggregation=tf.VariableAggregation.SUM)
    value = tf.distribute.get_replica_context().merge_call(
        lambda strategy: tf.identity(strategy.extended.read_var(total)))
    return value, total.assign_add(number)


def _predict(network, run, features):
    images = features['image']
    logits, endpoints = _inference(network, run, images, run.eval_weights[0])
    probabilities = tf.nn.softmax(logits, name='softmax_tensor')
    return tf.estimator.EstimatorSpec(tf.estimator.ModeKeys.PREDICT, predictions=dict(
        features, classes=tf.argmax(logits, axis=1), probabilities=probabilities,
        logits=logits, features=endpoints['features']))
