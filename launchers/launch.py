"""What the shell launchers do: run main.py, keep its log, write the benchmark's result files.

    python launchers/launch.py {full|performance|eval} {1|8} --data_path=DIR [flags of main.py]

Contract of the Ascend template's test/train_*_{1,8}p.sh: `output/$ASCEND_DEVICE_ID/` receives
train_$ID.log, train_${CaseName}_loss.txt, ${CaseName}.log and ckpt/; the exit code is main.py's.
NOTE: the template's scripts drop their options, empty their output folder, hide a failed run
behind exit code 0 and count compilation in the frame rate; here every option reaches main.py, an
earlier log is set aside under a number, and warm-up steps do not count.
"""

import collections
import json
import os
import subprocess
import sys
import time

from common import addresses, files, storage
from common.console import own_streams, say, silence_import
from common.errors import PREEMPTED, ProgramError
from launchers import hosts, ranks, reports
from launchers import options as options_lib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Flags of a case, below the command line.
CASES = {
    'full': {'mode': 'train_and_eval'},
    'performance': {'mode': 'train', 'train_steps': 100, 'log_step_count_steps': 10},
    'eval': {'mode': 'eval'},
}
REPORTED = ('train', 'train_and_eval', 'eval')
BAD_FLAGS = 2

Launch = collections.namedtuple(
    'Launch', ['case', 'size', 'defaults', 'network', 'base', 'after'])
Launch.__new__.__defaults__ = ({}, None, os.path.join(ROOT, 'output'), None)
Launch.__doc__ = """A launcher. case: a key of CASES; size: devices it is written for; defaults:
canonical flags over the case's own, as a dict; network: the name in CaseName, default the
model's; base: folder of the outputs unless --output_path names one; after: called with the
model_dir of a run that ended well, by the process that writes there."""

HELP = """usage: bash train_{case}_{size}p.sh --data_path=DIR [options]

Trains a network on TFRecords, {what}.
  --data_path=DIR        folder with train-* and validation-* TFRecords (required)
  --model_name=NAME      network (default mixnet-s; a wrong name prints them all)
  --batch_size=N         images per device and step
  --train_steps=N        or --train_epochs=N; default: {length}
  --precision_mode=MODE  must_keep_origin_dtype, allow_fp32_to_fp16, allow_mix_precision
                         (default) or force_fp16
  --output_path=DIR      where to write (default: output/ beside this script); at an address such
                         as s3://bucket/run the logs arrive when the run has ended
  --hosts_file=FILE      name:port of every process, one a line: train on several hosts
  --ckpt_path=PATH       checkpoint to start from
  --over_dump=True       dump overflowing tensors
  --data_dump_flag=True  dump tensors at --data_dump_step
  --profiling=True       write a profile
  --autotune=True        tune operators (Ascend)
  --explain              print every value with its source and stop
Exit code: that of main.py (0 done, 2 bad flags, 3 bad data, 4 NaN, 5 checkpoint,
6 another process was lost, 75 preempted).
Every flag of main.py is accepted; these are they.
"""
WORDS = {
    'full': ('evaluates it and keeps the best checkpoint', "the recipe's full run"),
    'performance': ('measures images/s (the first steps, which compile, are left out)',
                    '100 steps'),
    'eval': ('evaluates the newest checkpoint', 'no training'),
}


def main(argv):
    """argv: case, number of devices, options. Returns the exit code."""
    return run(Launch(argv[1], int(argv[2])), argv[3:])


def run(launch, words):
    """Runs a Launch with a user's words; prints what is wrong with them. Returns the exit code."""
    ranks.stop_at_once()
    try:
        options = options_lib.read(words)
        if options.help:
            return _help(launch)
        if not options.values.get('data_dir') and not launch.defaults.get('data_dir'):
            print('[Error] para "data_path" must be configured: give --data_path=DIR, a folder '
                  'with train-* and validation-* TFRecords (made by convert_tfrecord.py).',
                  file=sys.stderr)
            return BAD_FLAGS
        return _launch(launch, options)
    except ProgramError as error:
        print(f'[Error] {error}', file=sys.stderr)
        return error.exit_code


def _help(launch):
    what, length = WORDS[launch.case]
    say(HELP.format(case=launch.case, size=launch.size, what=what, length=length))
    return subprocess.call([sys.executable, os.path.join(ROOT, 'main.py'), '--help'])


def _launch(launch, options):
    if len(options.values.get('device_ids', ())) == 1:
        os.environ['ASCEND_DEVICE_ID'], = options.values['device_ids']
    if options.hosts_file:
        processes = [ranks.Rank(str(number), environment)
                     for number, environment in hosts.environments(options.hosts_file)]
    else:
        processes = ranks.plan(launch.size, options.values.get('device'), os.environ)
    remote = options.output_path if storage.is_address(options.output_path or '') else None
    base = os.path.abspath(launch.base if remote else options.output_path or launch.base)
    output = os.path.join(base, processes[0].device)
    shared = (hosts.shared_by(remote or base) if options.hosts_file
              else os.path.join(remote or base, processes[0].device))
    model_dir = options.values.get('model_dir') or _model_dir(launch, options, shared)
    command = _command(launch, options, model_dir, output)
    mode = options.values.get('mode', CASES[launch.case]['mode'])
    if options.values.get('explain') or mode not in REPORTED:
        return subprocess.call(command)
    files.make_folder(output)
    with ranks.exclusive(output):
        silence_import()        # of TensorFlow, which reads and writes at addresses
        before = list(_stamps(base, processes).values())
        code = _train(launch, options, processes, base, command, model_dir)
        return send(base, remote, processes, before, code) if remote else code


def _train(launch, options, processes, base, command, model_dir):
    output = os.path.join(base, processes[0].device)
    say(f'Device ID: {processes[0].device}')
    writes = not options.hosts_file or processes[0].device == '0'
    fresh = options.values.get('model_dir') is None and launch.case == 'performance'
    if writes and fresh and storage.is_folder(model_dir):
        say(f'{model_dir}: checkpoints of an earlier performance run, removed')
        files.remove_tree(model_dir)
    log = ranks.log_of(base, processes[0])
    aside = reports.set_aside(log)
    if aside:
        say(f'{aside}: the log of the launch before')
    before = files.read_record(os.path.join(model_dir, 'result.json'))
    start = time.monotonic()
    code = ranks.run(command, processes, base)
    if code:
        ending = ('stopped by a signal; the same command continues' if code == PREEMPTED
                  else f'[Error] training ended with exit code {code}; see {log}')
        print(ending, file=sys.stderr)
        return code
    if options.values.get('mode') == 'eval':
        launch = launch._replace(case='eval')
    if not writes:
        say(f'Result and checkpoints are written by process 0, in {model_dir}')
        return 0
    _report(launch, output, model_dir, before, int(time.monotonic() - start))
    if launch.after:
        launch.after(model_dir)
    return 0


def _stamps(base, processes):
    """{path: storage.stamp} of the files in the folders of processes."""
    folders = [os.path.join(base, rank.device) for rank in processes]
    paths = [os.path.join(folder, name) for folder in folders
             for name in storage.names_or_none(folder)]
    return {path: storage.stamp(path) for path in paths if os.path.isfile(path)}


def send(base, remote, processes, before, code):
    """Copies the logs and figures of a launch to an address; returns the launch's exit code.

    processes: ranks.Rank, whose folders lie in base; before: storage.stamp of each file that lay
    there, which is of another launch; code: exit code so far.
    NOTE: not the files that are younger than the launch: clocks are set, and a server has its own.
    """
    try:
        for rank in processes:
            files.make_folder(os.path.join(remote, rank.device))
        for path, stamp in _stamps(base, processes).items():
            if stamp not in before:
                files.copy(path, os.path.join(remote, os.path.relpath(path, base)))
    except OSError as error:
        print(f'[Error] logs and figures stay in {base}: {error}', file=sys.stderr)
        return code or 1
    say(f'Logs and figures copied to {remote}')
    return code


def _report(launch, output, model_dir, before, seconds):
    after = reports.result_of(launch.case, model_dir)
    if after is None:
        say(f'{model_dir} holds no result, so there are no figures')
        return
    idle = before and before.get('global_step') == after['global_step'] and launch.case != 'eval'
    if not (idle and reports.again(launch.case, output, model_dir, launch.network)):
        reports.report(launch.case, output, model_dir, seconds, launch.network)
    say(f'Checkpoints in {model_dir}')
    if after['num_devices'] < launch.size:
        say(f'NOTE: this launcher is for {launch.size} devices; the figures are those of '
              f'{after["num_devices"]}, with the recipe for that many.')


def _model_dir(launch, options, output):
    """The checkpoints' folder: runs of other recipes and lengths do not continue each other.

    A performance run starts afresh. An evaluation launcher scores what the one for 8 devices left.
    """
    name = options.values.get('model_name') or launch.defaults.get('model_name', 'mixnet-s')
    if launch.case == 'performance':
        name += '-performance'
    elif launch.size > 1 or launch.case == 'eval':
        name += '-8p'
    return os.path.join(output, 'ckpt', name)


def _command(launch, options, model_dir, output):
    """The command line of main.py: the case's values lie below everything the user says."""
    values = dict(CASES[launch.case], model_name='mixnet-s', recipe='launcher',
                  log_style='tensorflow',
                  precision_mode='allow_mix_precision', dump_dir=os.path.join(output, 'dump'),
                  profiling_dir=os.path.join(output, 'profiling'), model_dir=model_dir)
    values['num_devices' if launch.size == 1 else 'expected_devices'] = launch.size
    if 'train_epochs' in launch.defaults:
        values.pop('train_steps', None)
    values.update(launch.defaults)
    return [sys.executable, os.path.join(ROOT, 'main.py'), '--defaults=' + json.dumps(values)
            ] + options.words


if __name__ == '__main__':
    own_streams()
    addresses.leave(main(sys.argv))
