"""NPURunConfig and what it holds, with the refusals of the adapter and of its C++ part."""

import json
import os
import re

import tensorflow.compat.v1 as tf

from npu_bridge.signatures import bound, version

PRECISIONS = ('force_fp32', 'allow_fp32_to_fp16', 'force_fp16', 'must_keep_origin_dtype',
              'allow_mix_precision', 'cube_fp16in_fp32out', 'allow_mix_precision_fp16',
              'allow_mix_precision_bf16', 'allow_fp32_to_bf16')
RUN_CONFIG = ('model_dir', 'tf_random_seed', 'save_summary_steps', 'save_checkpoints_steps',
              'save_checkpoints_secs', 'session_config', 'keep_checkpoint_max',
              'keep_checkpoint_every_n_hours', 'log_step_count_steps')


class Abort(BaseException):
    """What the C++ part of the adapter ends the process for (LOG(FATAL))."""


class NPURunConfig(tf.estimator.RunConfig):
    """tf.estimator.RunConfig with the adapter's options in `options`."""

    @bound
    def __init__(self, options):
        self.options = options
        loop = options['iterations_per_loop']
        if not isinstance(loop, int):
            raise TypeError(f'iterations_per_loop must be int, got {type(loop)}')
        if loop <= 0:
            raise ValueError(f'iterations_per_loop must be positive, got {loop}')
        for name, kind in (('dump_config', DumpConfig), ('profiling_config', ProfilingConfig)):
            if options[name] is not None and not isinstance(options[name], kind):
                raise ValueError(f'`{name}` must be provided with type `{kind.__name__}`')
        self._check_values(options)
        given = {name: options[name] for name in RUN_CONFIG}
        if given['save_checkpoints_secs'] is None and given['save_checkpoints_steps'] is None:
            given['save_checkpoints_steps'] = 100
        super().__init__(**given)

    def _check_values(self, options):
        if options['precision_mode'] not in (None,) + PRECISIONS:
            raise Abort(f'precision_mode {options["precision_mode"]}')
        modes = ('1', '2', '4', 'mdat') if version() == 'master' else ('1', '2', '3', '4', 'mdat')
        if options.get('aoe_mode') is not None:
            if options['aoe_mode'] not in modes:
                raise Abort(f'aoe_mode {options["aoe_mode"]}')
            require_folder(options['work_path'] or './')


class ProfilingConfig:
    """Profiling of the device."""

    @bound
    def __init__(self, parameters):
        self.parameters = parameters
        if parameters['enable_profiling']:
            require_folder(json.loads(parameters['profiling_options'])['output'])


class DumpConfig:
    """Dump of tensors or of overflows."""

    @bound
    def __init__(self, parameters):
        self.parameters = parameters
        if parameters['enable_dump'] or parameters['enable_dump_debug']:
            require_folder(parameters['dump_path'])
        if parameters['enable_dump'] and parameters['enable_dump_debug']:
            raise Abort('enable_dump and enable_dump_debug')
        if parameters['dump_mode'] not in ('input', 'output', 'all'):
            raise Abort(f'dump_mode {parameters["dump_mode"]}')
        if parameters['dump_debug_mode'] not in ('aicore_overflow', 'atomic_overflow', 'all'):
            raise Abort(f'dump_debug_mode {parameters["dump_debug_mode"]}')
        check_steps(parameters['dump_step'])
        if (parameters['enable_dump_debug'] and version() == 'r1.2.0'
                and int(os.environ.get('RANK_SIZE', '1')) > 1):
            raise Abort('enable_dump_debug with several ranks')


def check_steps(text):
    """The syntax of dump_step."""
    parts = (text or '0').split('|')
    if len(parts) > 100:
        raise Abort('dump_step only support dump <= 100 sets of data')
    for part in parts:
        if not re.match(r'^\d+(-\d+)?$', part):
            raise Abort(f'dump_step {part}')
        first, _, last = part.partition('-')
        if last and int(first) >= int(last):
            raise Abort(f'dump_step {part}')


def require_folder(path):
    """Aborts unless a folder exists that can be read and written."""
    if not os.path.isdir(path) or not os.access(path, os.R_OK | os.W_OK):
        raise Abort(f'{path} is not directory.')
