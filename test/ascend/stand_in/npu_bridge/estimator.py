"""NPUEstimator and its hooks."""

import os

import tensorflow.compat.v1 as tf

from npu_bridge import records
from npu_bridge.audit import Audit
from npu_bridge.config import NPURunConfig
from npu_bridge.exchange import exchange
from npu_bridge.signatures import bound, signature, version

TRAIN, EVAL = tf.estimator.ModeKeys.TRAIN, tf.estimator.ModeKeys.EVAL


class NPUBroadcastGlobalVariablesHook(tf.train.SessionRunHook):
    """Rank 0's variables to all: the trainable ones, up to r1.2.0 all of them."""

    @bound
    def __init__(self, arguments):
        self._root = arguments['root_rank']

    def after_create_session(self, session, coord):
        variables = tf.global_variables() if version() == 'r1.2.0' else tf.trainable_variables()
        values = exchange()(f'broadcast {len(variables)}', session.run(variables))
        for variable, value in zip(variables, values):
            variable.load(value, session)


class NPUCheckpointSaverHook(tf.train.CheckpointSaverHook):
    """Saves; says the step after every run."""

    @bound
    def __init__(self, arguments):
        super().__init__(**arguments)

    def after_run(self, run_context, run_values):
        step = run_context.session.run(self._global_step_tensor)
        tf.logging.info('global_step...%d', step)
        super().after_run(run_context, run_values)


class SetIterationsVarHook(tf.train.SessionRunHook):
    """Repeats the train op on the device: the others' fetches see the last repetition."""

    @bound
    def __init__(self, arguments):
        self._more = arguments['iterations_per_loop'] - 1

    def begin(self):
        self._train = tf.get_default_graph().get_operation_by_name('IterationOp')

    def before_run(self, run_context):
        for _ in range(self._more):
            run_context.session.run(self._train)


class NPUEstimator(tf.estimator.Estimator):
    """tf.estimator.Estimator that adds the adapter's hooks to the model_fn."""

    @bound
    def __init__(self, arguments):
        config, model_dir = arguments['config'], arguments['model_dir']
        if not isinstance(config, NPURunConfig):
            raise ValueError('`config` must be provided with type `NPUConfigs`')
        if not os.environ.get('JOB_ID'):
            raise ValueError('Load job info failed, '
                             'please check whether `JOB_ID` is set in environment variable')
        if None not in (model_dir, config.model_dir) and model_dir != config.model_dir:
            raise ValueError('model_dir are set both in NPUEstimator and NPURunConfig')
        records.write('environment', **{name: os.environ.get(name) for name in (
            'DEVICE_ID', 'ASCEND_DEVICE_ID', 'RANK_ID', 'RANK_SIZE', 'RANK_TABLE_FILE',
            'DEVICE_INDEX', 'HCCL_CONNECT_TIMEOUT', 'DUMP_GRAPH_PATH')})
        _require_ranks()
        super().__init__(model_fn=_augmented(arguments['model_fn'], config), config=config,
                         model_dir=model_dir, params=arguments['params'] or {},
                         warm_start_from=arguments['warm_start_from'])


class NPUEstimatorSpec(tf.estimator.EstimatorSpec):
    """EstimatorSpec with a host_call, which is only written down."""

    def __new__(cls, *args, **kwargs):
        arguments = signature('NPUEstimatorSpec').bind(*args, **kwargs).arguments
        records.write('NPUEstimatorSpec', **arguments)
        arguments.pop('host_call', None)
        return super().__new__(cls, **arguments)


def rank_size():
    """RANK_SIZE or CM_WORKER_SIZE, not both."""
    size, workers = os.environ.get('RANK_SIZE'), os.environ.get('CM_WORKER_SIZE')
    if size and workers:
        raise ValueError('RANK_SIZE and CM_WORKER_SIZE cannot be configured at the same time.')
    return int(size or workers or '1')


def _require_ranks():
    table = os.environ.get('RANK_TABLE_FILE')
    if rank_size() > 1 and not (table and os.path.exists(table) and os.environ.get('RANK_ID')):
        raise RuntimeError('several ranks without RANK_TABLE_FILE and RANK_ID: HCCL is not '
                           'initialised, the first broadcast fails')
    if rank_size() == 1 and table:
        raise RuntimeError('one rank with RANK_TABLE_FILE: HCCL waits for the devices of the table')


def _augmented(model_fn, config):
    def augmented(features, labels, mode, params):
        del params
        records.write('model_fn', mode=mode)
        spec = model_fn(features=features, labels=labels, mode=mode)
        if mode == TRAIN:
            return _train(spec, config)
        if mode == EVAL:
            wanted = [spec.loss.op] + [pair[1].op for pair in spec.eval_metric_ops.values()]
            return spec._replace(evaluation_hooks=(
                Audit('eval', wanted),) + tuple(spec.evaluation_hooks))
        return spec
    return augmented


def _train(spec, config):
    hooks, loop = [], config.options['iterations_per_loop']
    if rank_size() > 1:
        hooks.append(NPUBroadcastGlobalVariablesHook(0, records.rank()))
    if config.save_checkpoints_steps or config.save_checkpoints_secs:
        hooks.append(NPUCheckpointSaverHook(
            checkpoint_dir=config.model_dir, save_secs=config.save_checkpoints_secs,
            save_steps=config.save_checkpoints_steps,
            saver=tf.train.Saver(max_to_keep=config.keep_checkpoint_max)))
    if loop > 1:
        hooks.append(SetIterationsVarHook(loop))
        spec = spec._replace(train_op=tf.group(spec.train_op, name='IterationOp'))
    hooks.append(Audit('train', [spec.train_op]))
    return spec._replace(training_hooks=tuple(hooks) + tuple(spec.training_hooks))
