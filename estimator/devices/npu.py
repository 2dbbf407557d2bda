"""Ascend devices through npu_bridge, their adapter of TensorFlow 1.15: the only file that knows it.

One process, a rank, drives one device; gradients are averaged between them by the adapter. Which
flag sets which of its options: docs/ascend.md. No device has been available to this project: what
is here follows the adapter's public sources and runs in the tests against a stand-in for it.
"""

import collections
import importlib.util
import inspect
import json
import os

import tensorflow.compat.v1 as tf

from common import postponed
from common.console import warn
from common.errors import FlagError, ProgramError
from common.files import make_folder
from common.storage import is_address

Place = collections.namedtuple('Place', ['rank', 'size'])
Place.__doc__ = """Which of how many ranks this process is."""

JOB_ID = '10087'    # the adapter wants any; this one is MixNet_ID2072's
# Loss scale that adapts: the values of Ascend's BERT and ALBERT.
DYNAMIC = dict(init_loss_scale=2 ** 15, incr_every_n_steps=1000, decr_every_n_nan_or_inf=2,
               decr_ratio=0.5)
LAUNCH = 'Start them with train_full_8p.sh, which sets all this (docs/ascend.md).'


def chosen(params):
    """params.device, or 'npu' for 'auto' when a device is named and the adapter loads."""
    named = os.environ.get('ASCEND_DEVICE_ID') or os.environ.get('DEVICE_ID')
    if params.device != 'auto' or not named or importlib.util.find_spec('npu_bridge') is None:
        return params.device
    try:
        adapter(params)
    except ProgramError as error:
        warn(f'not training on Ascend device {named}: {error}')
        return 'auto'
    return 'npu'


def place(environment):
    """The Place of this process. Raises FlagError for an environment the adapter cannot use."""
    if any(name.startswith(('CM_CHIEF_', 'CM_WORKER_')) for name in environment):
        raise FlagError('Ranks that meet through CM_* variables are not supported; unset them and '
                        f'give RANK_TABLE_FILE, RANK_SIZE and RANK_ID. {LAUNCH}')
    text = environment.get('RANK_SIZE') or '1'
    if not text.isdigit() or int(text) < 1:
        raise FlagError(f'RANK_SIZE={text}: it is the number of devices. {LAUNCH}')
    size = int(text)
    if size == 1:
        return Place(0, 1)
    if not environment.get('RANK_TABLE_FILE'):
        raise FlagError(f'RANK_SIZE={size}, but RANK_TABLE_FILE names no rank table. {LAUNCH}')
    # RANK_ID is the name of a pod in one of the two kinds of table.
    for name in ('RANK_ID', 'DEVICE_INDEX'):
        if environment.get(name, '').isdigit() and int(environment[name]) < size:
            return Place(int(environment[name]), size)
    raise FlagError(f'RANK_SIZE={size}, but neither RANK_ID nor DEVICE_INDEX says which of the '
                    f'ranks 0 to {size - 1} this process is. {LAUNCH}')


def adapter(params):
    """The adapter's module, imported once; ProgramError when it is not there or does not load."""
    _prepare_environment(params)
    postponed.now()
    try:
        from npu_bridge import npu_init
    except (ImportError, NameError, AttributeError, OSError) as error:
        raise ProgramError(f'The Ascend adapter npu_bridge does not load ({error}). Install the '
                           'CANN toolkit with its TensorFlow 1.15 plug-in and source its '
                           'set_env.sh, or use --device=cpu.')
    return npu_init


def _prepare_environment(params):
    """Sets what the adapter's library reads once, when it is loaded."""
    os.environ.setdefault('JOB_ID', JOB_ID)
    os.environ.setdefault('RANK_SIZE', '1')
    if os.environ['RANK_SIZE'] == '1' and os.environ.pop('RANK_TABLE_FILE', None):
        warn('RANK_TABLE_FILE is not used for one device')
        os.environ.pop('RANK_ID', None)
    if params.npu_dump_graph:
        make_folder(params.dump_dir)
        os.environ.update(PRINT_MODEL='1', DUMP_GE_GRAPH='2',
                          DUMP_GRAPH_PATH=os.path.abspath(params.dump_dir))


def check(params, size):
    """Raises ProgramError without the adapter, FlagError for flags that do not go with it."""
    module = adapter(params)
    if params.num_devices not in (None, size):
        raise FlagError(f'--num_devices={params.num_devices}: a process drives one Ascend device, '
                        f'and {size} were started. {LAUNCH}')
    parts = [part.split('-') for part in (params.data_dump_step or '0').split('|')]
    if len(parts) > 100 or any(int(part[0]) >= int(part[-1]) for part in parts if part[1:]):
        raise FlagError(f'--data_dump_step={params.data_dump_step}: the adapter takes at most 100 '
                        'parts, each a step or a range that grows, such as 0|5|10-20.')
    if size == 1:
        return
    if params.gradient_accumulation_steps > 1:
        raise FlagError('--gradient_accumulation_steps does not go with several Ascend devices; '
                        'leave it out, or use one device.')
    if params.save_checkpoints_secs:
        raise FlagError('--save_checkpoints_secs does not go with several Ascend devices, whose '
                        'clocks differ; use --save_checkpoints_steps.')
    if params.npu_overflow_dump and not _takes(module.NPURunConfig, 'hcom_multi_mode'):
        raise FlagError('--npu_overflow_dump (over_dump): this release of the adapter ends the '
                        'process for it when there are several devices; use one device.')


def loop_of(params, steps):
    """Steps of one session.run, so that they divide `steps`: --iterations_per_loop or less."""
    most = params.iterations_per_loop or 1
    return max(n for n in range(1, most + 1) if steps % n == 0)


def save_every(params, steps_per_epoch, loop):
    """(steps, seconds) between checkpoints: steps unless seconds were asked for.

    Steps are whole loops of the device; by default an epoch, as in MobileNetV2_ID0074.
    """
    if params.save_checkpoints_secs:
        return None, params.save_checkpoints_secs
    steps = params.save_checkpoints_steps or max(100, int(steps_per_epoch))
    return -(-steps // loop) * loop, None


def keep_on_host(config):
    """Marks a ConfigProto so that its session computes on the CPU of the host.

    Later releases of the adapter (r1.10.0 does), once imported, send every other session's graph to
    the device.
    """
    options = config.graph_options.rewrite_options.custom_optimizers.add()
    options.name = 'NpuOptimizer'
    options.parameter_map['use_off_line'].b = False


def make_estimator(model_fn, run, model_dir, save, loop):
    """NPUEstimator for this process's device.

    save: (steps, seconds) between checkpoints, two Nones for none; loop: steps of one session.run.
    NOTE: in the originals every rank has a folder of its own and saves there; here rank 0 writes,
    and after a restart all read its checkpoint, because the adapter sends trainable variables only.
    """
    params, writes = run.params, run.device.rank == 0
    npu = adapter(params)
    steps, seconds = save if writes else (None, None)
    options = dict(
        model_dir=model_dir,
        tf_random_seed=params.seed,
        save_checkpoints_steps=steps or (None if seconds else 0),     # two Nones would mean 100
        save_checkpoints_secs=seconds,
        save_summary_steps=0,       # would compile a second training graph
        keep_checkpoint_max=params.keep_checkpoint_max,
        log_step_count_steps=max(1, params.log_step_count_steps // loop) if writes else None,
        session_config=tf.ConfigProto(allow_soft_placement=True),
        precision_mode=run.precision.mode,
        iterations_per_loop=loop,
        hcom_parallel=True,
        enable_data_pre_proc=True,
        dump_config=_dump(npu, params),
        profiling_config=_profiling(npu, params))
    options.update(_tuning(npu, params, model_dir))
    return npu.NPUEstimator(model_fn=model_fn, config=npu.NPURunConfig(**options),
                            model_dir=model_dir)


def wrap_optimizer(optimizer, run):
    """Mean over the ranks and loss scale around an optimizer.

    With a loss scale an update whose arithmetic overflowed on any device is left out, and the
    global step with it.
    """
    npu, size, loss_scale = adapter(run.params), run.device.count, run.precision.loss_scale
    if size > 1:
        optimizer = npu.NPUDistributedOptimizer(optimizer)
    if not loss_scale:
        return optimizer
    manager = (npu.ExponentialUpdateLossScaleManager(**DYNAMIC) if loss_scale == 'dynamic'
               else npu.FixedLossScaleManager(loss_scale=loss_scale))
    return npu.NPULossScaleOptimizer(optimizer, manager, is_distributed=size > 1)


def _takes(callable_of_adapter, argument):
    return argument in inspect.signature(callable_of_adapter).parameters


def _tuning(npu, params, model_dir):
    """Options of --npu_auto_tune; releases from r1.11.0 on know no auto_tune_mode."""
    if not params.npu_auto_tune:
        return {}
    if _takes(npu.NPURunConfig, 'auto_tune_mode'):
        return {'auto_tune_mode': 'RL,GA'}
    folder = os.path.join(os.path.abspath(
        'result' if is_address(model_dir) else model_dir), 'tuning')      # the tool knows no stores
    make_folder(folder)
    return {'aoe_mode': '2', 'work_path': folder}     # 2: operators


def _profiling(npu, params):
    if not params.profiling:
        return None
    make_folder(params.profiling_dir)
    return npu.ProfilingConfig(enable_profiling=True, profiling_options=json.dumps({
        'output': params.profiling_dir, 'training_trace': 'on', 'task_trace': 'on',
        'aicpu': 'on', 'fp_point': '', 'bp_point': ''}))


def _dump(npu, params):
    """DumpConfig: either tensors at chosen steps or overflow detection, never both."""
    if not (params.npu_dump_data or params.npu_overflow_dump):
        return None
    make_folder(params.dump_dir)
    if params.npu_overflow_dump:
        return npu.DumpConfig(enable_dump_debug=True, dump_path=params.dump_dir,
                              dump_debug_mode='all')
    return npu.DumpConfig(enable_dump=True, dump_path=params.dump_dir,
                          dump_step=params.data_dump_step or '0', dump_mode='all')
