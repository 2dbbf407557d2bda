"""Devices, sessions and RunConfig."""

import collections
import functools
import os
import re
import sys

import tensorflow.compat.v1 as tf

from common.console import say
from common.errors import FlagError, ProgramError
from estimator.devices import hosts as hosts_lib
from estimator.devices import npu, strategies
from estimator.devices import precision as precision_lib

# What drivers of NVIDIA, of AMD and of Windows' WSL show of a GPU.
GPU_FILES = ('/dev/nvidiactl', '/dev/nvidia0', '/proc/driver/nvidia', '/dev/kfd', '/dev/dxg')
# Seconds between checkpoints when no flag says when.
SAVE_SECONDS = 600
# CPU devices are replicas on the same cores, to try what several GPUs would do; beyond this many,
# or one a core, their graph only takes minutes to make.
CPU_DEVICES = 8

Device = collections.namedtuple('Device', ['kind', 'count', 'text', 'rank', 'hosts'])
Device.__new__.__defaults__ = (0, hosts_lib.Hosts())
Device.__doc__ = """What a run computes on.

kind: 'cpu', 'gpu' or 'npu'; count: devices that train together; text: for the log; rank: which of
the processes that train together this is; hosts: hosts.Hosts, those processes on CPU and GPU.
Rank 0 evaluates and writes, the others only train.
"""


def without_autograph(function):
    """The function with AutoGraph off in all it calls: no graph here needs a translation, and the
    files AutoGraph makes stay in the temporary folder where a signal ends the program at once."""
    @functools.wraps(function)
    def run(*given, **named):
        return tf.autograph.experimental.do_not_convert(function)(*given, **named)
    return run


def find_device(kind, num_devices=None, hosts=hosts_lib.Hosts()):
    """The Device of a run, by --device, --num_devices and the processes that train together."""
    gpus = [] if kind in ('cpu', 'npu') else _gpus(kind == 'gpu')
    if kind == 'auto':
        kind = 'gpu' if gpus else 'cpu'
    if kind == 'gpu' and not gpus:
        raise ProgramError('--device=gpu: TensorFlow sees no GPU here. Use --device=cpu, or '
                             'install a TensorFlow build for your GPU.')
    if kind == 'npu':
        rank, size = npu.place(os.environ)
        return Device(kind, size, f'{size} x npu, one process each', rank)
    wanted = num_devices or (len(gpus) if kind == 'gpu' else 1)
    if kind == 'gpu' and wanted > len(gpus):
        raise ProgramError(f'--num_devices={wanted}: TensorFlow sees {len(gpus)} GPU(s).')
    if kind == 'cpu' and wanted > max(CPU_DEVICES, os.cpu_count() or 1):
        raise FlagError(f'--num_devices={wanted}: without a GPU a device is a replica on the '
                        f'{os.cpu_count()} cores of this machine, to try what GPUs would do, and '
                        f'at most {max(CPU_DEVICES, os.cpu_count() or 1)} are made. Training gets '
                        'no faster by them: leave the flag out.')
    names = f' ({gpus[0]})' if gpus else ''
    if not hosts.addresses:
        return Device(kind, wanted, f'{wanted} x {kind}{names}')
    if wanted != max(1, len(gpus)):
        raise FlagError(f'--num_devices={wanted}: a process of --hosts uses every GPU it sees '
                        f'({len(gpus)}), or one CPU. Choose GPUs with --device_ids.')
    size = len(hosts.addresses)
    return Device(kind, wanted * size, f'{wanted * size} x {kind}{names} in {size} processes',
                  hosts.index, hosts)


def hosts_of(kind, addresses, index):
    """The hosts.Hosts of a run, by --device, --hosts and --host_index or TF_CONFIG.

    The processes of an Ascend are those of its rank table.
    """
    return hosts_lib.Hosts() if kind == 'npu' else hosts_lib.find(addresses, index, os.environ)


def use_only(device_ids):
    """Lets this process see only these devices; before TensorFlow has looked for any."""
    if device_ids:
        os.environ['CUDA_VISIBLE_DEVICES'] = ','.join(device_ids)
        os.environ.setdefault('ASCEND_DEVICE_ID', device_ids[0])


def place_of(params):
    """(which of the processes that train together this is, how many there are)."""
    kind = npu.chosen(params)
    if kind == 'npu':
        return npu.place(os.environ)
    hosts = hosts_of(kind, params.hosts, params.host_index)
    return hosts.index, max(1, len(hosts.addresses))


def find_host(params):
    """The Device of what runs without an Estimator: on an Ascend machine its CPU."""
    if params.device == 'npu':
        _say_host()
        return Device('cpu', 1, '1 x cpu')
    return find_device(params.device, params.num_devices)


@functools.lru_cache(None)
def _say_host():
    say('device     the CPU of this machine: on an Ascend only training and evaluation run')


def _gpus(asked):
    """A description of each GPU; asked: also where no driver shows one.

    NOTE: not tensorflow.python.client.device_lib, which makes the devices and so takes all memory
    of all GPUs. Listed like this they are untouched, and what makes them later takes what it needs.
    """
    if not asked and sys.platform == 'linux' and not any(map(os.path.exists, GPU_FILES)):
        return []       # known without TensorFlow
    listed = tf.config.experimental
    found = listed.list_physical_devices('GPU')
    for gpu in found:
        try:
            listed.set_memory_growth(gpu, True)
        except RuntimeError:
            pass        # a program that uses ours has made its devices already
    details = getattr(listed, 'get_device_details', lambda gpu: {})     # not in TensorFlow 1.15
    return [details(gpu).get('device_name', gpu.name) for gpu in found]


def session_config(params, device, precision):
    """ConfigProto of a session; on an Ascend machine of one that computes on the host."""
    config = tf.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True
    if device.kind == 'cpu':
        config.device_count['GPU'] = 0
        config.device_count['CPU'] = strategies.local_count(device)
    if params.use_xla:
        config.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.ON_1
    precision_lib.configure_session(config, precision)
    if device.kind == 'npu':
        npu.keep_on_host(config)
    return config


def training_config(params, device, precision):
    """ConfigProto of a session that trains."""
    config = session_config(params, device, precision)
    if device.kind == 'cpu' and _compiles_on_cpu(params):
        raise FlagError('XLA, by TF_XLA_FLAGS=--tf_xla_cpu_global_jit, does not train as it should '
                        'on a CPU: TensorFlow 1.15 does not count the steps then, and 2.15 changes '
                        'the order of the images. Unset TF_XLA_FLAGS.')
    if device.kind == 'cpu' and not precision.graph_rewrite:
        # Of a training graph it only delays the first step, by ten seconds for mixnet-s; the
        # folding of constants by another one to two, and what it folds takes 3 % more memory.
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
    return config


def _compiles_on_cpu(params):
    """Whether TensorFlow's own flags let XLA compile for a CPU, and something asks it to."""
    told = dict(re.findall(r'--(\w+)(?:=(\S*))?', os.environ.get('TF_XLA_FLAGS', '')))
    on_cpu = told.get('tf_xla_cpu_global_jit', 'false').lower() not in ('false', '0')
    return on_cpu and (params.use_xla or told.get('tf_xla_auto_jit', '0') not in ('0', '-1'))


def trust_initializers(device):
    """Spares a training session its questions to every variable whether it has a value.

    They are thousands of operations, and two runs of them. Initialisers and checkpoints give all
    variables a value, or fail.
    """
    if device.kind == 'npu' or tf.distribute.has_strategy():
        return
    nothing = tf.constant([], tf.string, name='no_uninitialized')
    for collection in (tf.GraphKeys.READY_OP, tf.GraphKeys.READY_FOR_LOCAL_INIT_OP):
        tf.add_to_collection(collection, nothing)


def skip_search_for_xla(params, device):
    """Spares a graph that XLA shall not compile the search for what XLA could compile.

    TensorFlow looks through the whole of every graph it runs for clusters, to drop them all: a
    seventh of the time to the first step. It does not where one operation says that it has been
    done; the handle of the global step is in every run of a training.
    """
    wanted = params.use_xla or 'xla' in os.environ.get('TF_XLA_FLAGS', '')
    if device.kind != 'npu' and not wanted:
        step = tf.train.get_or_create_global_step()
        step.op._set_attr('_XlaAlreadyClustered', tf.AttrValue(b=True))


def make_estimator(model_fn, run, model_dir, save=None, loop=1):
    """The common Estimator.

    save: (steps, seconds) between checkpoints, one of them or none, of an Estimator that trains;
    None for one that does not. loop: steps of one session.run.
    """
    params, device = run.params, run.device
    if device.kind == 'npu':
        return npu.make_estimator(model_fn, run, model_dir, save or (None, None), loop)
    trains = save is not None
    config = (training_config if trains else session_config)(params, device, run.precision)
    # The Saver among the hooks saves; of several processes only the first writes.
    options = dict(
        model_dir=model_dir,
        tf_random_seed=params.seed,
        session_config=config,
        save_checkpoints_steps=None,
        save_checkpoints_secs=None,
        save_summary_steps=0,       # hooks.events writes them
        keep_checkpoint_max=params.keep_checkpoint_max,
        log_step_count_steps=None)  # hooks.progress prints them
    with hosts_lib.tf_config(device.hosts if trains else hosts_lib.Hosts()):
        strategy = strategies.make(device, trains)
        options['train_distribute' if trains else 'eval_distribute'] = strategy
        return tf.estimator.Estimator(model_fn, config=tf.estimator.RunConfig(**options))


def for_this_process(input_fn, device):
    """The input function of this process: on Ascend its own share, elsewhere all of it."""
    if device.kind != 'npu' or device.count == 1:
        return input_fn
    context = tf.distribute.InputContext(
        num_input_pipelines=device.count,
        input_pipeline_id=device.rank,
        num_replicas_in_sync=device.count)
    return lambda: input_fn(context)


def steps_of_a_run(run, steps):
    """Training steps of one session.run when `steps` are to go."""
    return npu.loop_of(run.params, steps) if run.device.kind == 'npu' else 1


def cadence(run, loop=1):
    """(steps, seconds) between checkpoints: exactly one of them is set."""
    params = run.params
    if run.device.kind == 'npu':
        return npu.save_every(params, run.plan.steps_per_epoch, loop)
    if params.save_checkpoints_steps:
        return params.save_checkpoints_steps, None
    if params.save_checkpoints_secs:
        return None, params.save_checkpoints_secs
    if params.iterations_per_loop:
        return max(100, params.iterations_per_loop), None     # as in the originals
    return None, SAVE_SECONDS
