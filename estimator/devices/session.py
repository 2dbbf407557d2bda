"""Devices, sessions and RunConfig: the only file that knows npu_bridge.

The Ascend part follows the constructors of npu_bridge for TensorFlow 1.15 (NPURunConfig,
NPUEstimator, DumpConfig, ProfilingConfig); it needs the device's own TensorFlow and is imported
only when `--device=npu`.
"""

import collections
import json
import os

import tensorflow.compat.v1 as tf

from common.errors import ProgramError
from estimator.devices import precision as precision_lib

Device = collections.namedtuple('Device', ['kind', 'count', 'text'])


def find_device(kind, num_devices=None):
    """The Device of a run, by --device and --num_devices."""
    gpus = [] if kind in ('cpu', 'npu') else _gpus()
    if kind == 'auto':
        kind = 'gpu' if gpus else 'cpu'
    if kind == 'gpu' and not gpus:
        raise ProgramError('--device=gpu: TensorFlow sees no GPU here. Use --device=cpu, or '
                             'install a TensorFlow build for your GPU.')
    if kind == 'npu':
        count = int(os.environ.get('RANK_SIZE', '1'))
        return Device(kind, count, f'{count} x npu, one process each')
    wanted = num_devices or (len(gpus) if kind == 'gpu' else 1)
    if kind == 'gpu' and wanted > len(gpus):
        raise ProgramError(f'--num_devices={wanted}: TensorFlow sees {len(gpus)} GPU(s).')
    names = f' ({gpus[0]})' if gpus else ''
    return Device(kind, wanted, f'{wanted} x {kind}{names}')


def use_only(device_ids):
    """Lets this process see only these devices; before TensorFlow has looked for any."""
    if device_ids:
        os.environ['CUDA_VISIBLE_DEVICES'] = ','.join(device_ids)
        os.environ.setdefault('ASCEND_DEVICE_ID', device_ids[0])


def _gpus():
    from tensorflow.python.client import device_lib
    found = [d for d in device_lib.list_local_devices() if d.device_type == 'GPU']
    return [d.physical_device_desc or d.name for d in found]


def session_config(params, device, precision):
    """ConfigProto of training and evaluation sessions."""
    config = tf.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True
    if device.kind == 'cpu':
        config.device_count['GPU'] = 0
        config.device_count['CPU'] = device.count
    if params.use_xla:
        config.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.ON_1
    precision_lib.configure_session(config, precision)
    return config


def make_estimator(model_fn, run, model_dir, save_steps=None, save_secs=None):
    """The common Estimator. Checkpoints every save_steps steps or save_secs seconds."""
    params, device = run.params, run.device
    if device.kind == 'npu':
        return _npu_estimator(model_fn, params, model_dir, save_steps, save_secs)
    strategy = None
    if device.count > 1:
        strategy = tf.distribute.MirroredStrategy(
            [f'/{device.kind}:{i}' for i in range(device.count)])
    config = tf.estimator.RunConfig(
        model_dir=model_dir,
        tf_random_seed=params.seed,
        session_config=session_config(params, device, run.precision),
        save_checkpoints_steps=save_steps,
        save_checkpoints_secs=save_secs,
        save_summary_steps=params.save_summary_steps,
        keep_checkpoint_max=params.keep_checkpoint_max,
        log_step_count_steps=params.log_step_count_steps,
        train_distribute=strategy)
    return tf.estimator.Estimator(model_fn, config=config)


def for_this_process(input_fn, device):
    """The input function of this process: on Ascend its own share, elsewhere all of it."""
    if device.kind != 'npu' or device.count == 1:
        return input_fn
    context = tf.distribute.InputContext(
        num_input_pipelines=device.count,
        input_pipeline_id=int(os.environ.get('DEVICE_INDEX', '0')),
        num_replicas_in_sync=device.count)
    return lambda: input_fn(context)


def wrap_npu_optimizer(optimizer, device, precision):
    """Mean all-reduce and loss scaling of Ascend devices around an optimizer."""
    npu = _npu_bridge()
    distributed = int(os.environ.get('RANK_SIZE', '1')) > 1
    if distributed:
        optimizer = npu.NPUDistributedOptimizer(optimizer)
    if precision.loss_scale == 'dynamic':
        manager = npu.ExponentialUpdateLossScaleManager(
            init_loss_scale=2 ** 15, incr_every_n_steps=1000)
    else:
        manager = npu.FixedLossScaleManager(loss_scale=precision.loss_scale)
    return npu.NPULossScaleOptimizer(optimizer, manager, is_distributed=distributed)


def _npu_estimator(model_fn, params, model_dir, save_steps, save_secs):
    npu = _npu_bridge()
    os.environ.setdefault('JOB_ID', '10087')
    os.environ.setdefault('RANK_SIZE', '1')
    profiling = None
    if params.profiling:
        os.makedirs(params.profiling_dir, exist_ok=True)
        profiling = npu.ProfilingConfig(enable_profiling=True, profiling_options=json.dumps({
            'output': params.profiling_dir, 'training_trace': 'on', 'task_trace': 'on',
            'aicpu': 'on', 'fp_point': '', 'bp_point': ''}))
    config = npu.NPURunConfig(
        model_dir=model_dir,
        tf_random_seed=params.seed,
        save_checkpoints_steps=save_steps,
        save_checkpoints_secs=save_secs,
        save_summary_steps=params.save_summary_steps or 0,
        keep_checkpoint_max=params.keep_checkpoint_max,
        log_step_count_steps=params.log_step_count_steps,
        session_config=tf.ConfigProto(allow_soft_placement=True),
        precision_mode=params.precision_mode,
        iterations_per_loop=params.iterations_per_loop or 1,
        dump_config=_npu_dump(npu, params),
        profiling_config=profiling,
        auto_tune_mode='RL,GA' if params.npu_auto_tune else None)
    return npu.NPUEstimator(model_fn=model_fn, config=config, model_dir=model_dir)


def _npu_dump(npu, params):
    """DumpConfig: either tensors at chosen steps or overflow detection, never both."""
    if params.npu_dump_graph:
        os.environ['DUMP_GE_GRAPH'] = '2'
        os.environ['DUMP_GRAPH_PATH'] = params.dump_dir
    if not (params.npu_dump_data or params.npu_overflow_dump):
        return None
    os.makedirs(params.dump_dir, exist_ok=True)
    if params.npu_overflow_dump:
        return npu.DumpConfig(enable_dump_debug=True, dump_path=params.dump_dir,
                              dump_debug_mode='all')
    return npu.DumpConfig(enable_dump=True, dump_path=params.dump_dir,
                          dump_step=params.data_dump_step or '0', dump_mode='all')


def _npu_bridge():
    try:
        from npu_bridge import npu_init
    except ImportError as error:
        raise ProgramError(f'--device=npu needs the Ascend TensorFlow adapter ({error}). Install '
                             'the CANN toolkit with its TF 1.15 plug-in, or use --device=cpu.')
    return npu_init
