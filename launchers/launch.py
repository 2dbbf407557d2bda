"""What the shell launchers do: run main.py, keep its log, write the benchmark's result files.

    python launchers/launch.py {full|performance} {1|8} --data_path=DIR [flags of main.py]

Contract of the Ascend template's test/train_*_{1,8}p.sh: `output/$ASCEND_DEVICE_ID/` receives
train_$ID.log, train_${CaseName}_loss.txt and ${CaseName}.log; the exit code is main.py's.
NOTE: the template's scripts drop their options, hide a failed run behind exit code 0 and count
compilation in the frame rate; here every option reaches main.py and warm-up steps do not count.
"""

import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time

from common.errors import ProgramError
from common.files import read_json
from launchers import ranks

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOSS_LINE = re.compile(r'INFO:tensorflow:loss = ([^,]+), step')
# Flags of a case, below the command line.
CASES = {
    'full': {'mode': 'train_and_eval'},
    'performance': {'mode': 'train', 'train_steps': 100, 'log_step_count_steps': 10},
}
BAD_FLAGS = 2

HELP = """usage: bash train_{case}_{size}p.sh --data_path=DIR [options]

Trains a network on TFRecords, {what}.
  --data_path=DIR        folder with train-* and validation-* TFRecords (required)
  --model_name=NAME      network (default mixnet-s; a wrong name prints them all)
  --batch_size=N         images per device and step
  --train_steps=N        or --train_epochs=N; default: {length}
  --precision_mode=MODE  must_keep_origin_dtype, allow_fp32_to_fp16, allow_mix_precision
                         (default) or force_fp16
  --output_path=DIR      where to write (default: output/ beside this script)
  --ckpt_path=PATH       checkpoint to start from
  --over_dump=True       dump overflowing tensors
  --data_dump_flag=True  dump tensors at --data_dump_step
  --profiling=True       write a profile
  --autotune=True        tune operators (Ascend)
Every flag of main.py is accepted: python main.py --help.
Exit code: that of main.py (0 done, 2 bad flags, 3 bad data, 4 NaN, 5 checkpoint, 75 preempted).
"""


def main(argv):
    """argv: case, number of devices, options. Returns the exit code."""
    case, size, options = argv[1], int(argv[2]), argv[3:]
    if any(option in ('-h', '--help') for option in options):
        print(HELP.format(case=case, size=size, **_words(case)))
        return 0
    if not _value(options, 'data_path', 'data_url', 'data_dir'):
        print('[Error] para "data_path" must be configured: give --data_path=DIR, a folder with '
              'train-* and validation-* TFRecords (made by convert_tfrecord.py).', file=sys.stderr)
        return BAD_FLAGS
    try:
        processes = ranks.plan(size, _device(options), os.environ)
    except ProgramError as error:
        print(f'[Error] {error}', file=sys.stderr)
        return error.exit_code
    device = processes[0].device
    base = os.path.abspath(_value(options, 'output_path') or os.path.join(ROOT, 'output'))
    output = os.path.join(base, device)
    os.makedirs(output, exist_ok=True)
    print(f'Device ID: {device}', flush=True)
    model_dir, temporary = _model_dir(case, options, output)
    try:
        start = time.time()
        code = ranks.run(_command(case, size, options, model_dir, output), processes, base)
        log = ranks.log_of(base, processes[0])
        if code:
            print(f'[Error] training ended with exit code {code}; see {log}', file=sys.stderr)
            return code
        if temporary:
            shutil.copy(os.path.join(model_dir, 'result.json'), output)
        result = read_json(os.path.join(model_dir, 'result.json')) or {}
        report(case, output, log, result, int(time.time() - start))
        return 0
    finally:
        if temporary:
            shutil.rmtree(model_dir, ignore_errors=True)


def report(case, output, log, result, seconds):
    """Writes the loss file and ${CaseName}.log and prints the final block."""
    params = result['params']
    size = result['num_devices']
    batch = params['train_batch_size']
    name = f'{result["model_name"]}_bs{batch}_{size}p_{"acc" if case == "full" else "perf"}'
    with open(log, errors='replace') as stream:
        losses = LOSS_LINE.findall(stream.read())
    with open(os.path.join(output, f'train_{name}_loss.txt'), 'w') as stream:
        stream.writelines(loss + '\n' for loss in losses)
    rate = result['images_per_sec'] or 0.0
    accuracy = result['top_1_accuracy']
    if accuracy is None:
        accuracy = result.get('train_accuracy') or 0.0
    rows = (
        ('Network', result['model_name']), ('RankSize', size), ('BatchSize', batch),
        ('DeviceType', platform.machine()), ('CaseName', name), ('ActualFPS', f'{rate:.2f}'),
        ('TrainingTime', f'{result["global_batch"] * 1000 / rate if rate else 0:.2f}'),
        ('TrainAccuracy', f'{accuracy:.4f}'),
        ('ActualLoss', losses[-1] if losses else result['loss']), ('E2ETrainingTime', seconds))
    with open(os.path.join(output, f'{name}.log'), 'w') as stream:
        stream.writelines(f'{key} = {value}\n' for key, value in rows)
    print('------------------ Final result ------------------')
    print(f'Final Performance images/sec : {rate:.2f}')
    print(f'Final Train Accuracy : {accuracy:.4f}')
    print(f'E2E Training Duration sec : {seconds}')
    print(f'Files in {output}', flush=True)


def _words(case):
    if case == 'full':
        return {'what': 'evaluates it and keeps the best checkpoint',
                'length': "the recipe's full run"}
    return {'what': 'measures images/s (the first steps, which compile, are left out)',
            'length': '100 steps'}


def _device(options):
    """--device in our words; the MindSpore original says --device_target=Ascend."""
    name = _value(options, 'device', 'device_target')
    return {'Ascend': 'npu', 'GPU': 'gpu', 'CPU': 'cpu'}.get(name, name)


def _value(options, *names):
    """Value of the last `--name=value` or `--name value` among the options."""
    found = None
    for position, option in enumerate(options):
        for name in names:
            if option.startswith(f'--{name}='):
                found = option.split('=', 1)[1]
            elif option == f'--{name}' and position + 1 < len(options):
                found = options[position + 1]
    return found


def _model_dir(case, options, output):
    """(model_dir, whether to remove it): a performance run always starts afresh."""
    given = _value(options, 'model_dir', 'train_dir', 'train_url')
    if given:
        return given, False
    if case == 'performance':
        return tempfile.mkdtemp(prefix='performance-', dir=output), True
    name = _value(options, 'model_name', 'arch') or 'mixnet-s'
    return os.path.join(output, 'ckpt', name), False


def _command(case, size, options, model_dir, output):
    """The command line of main.py: the case's values lie below everything the user says."""
    values = dict(CASES[case], model_name='mixnet-s', recipe='launcher', model_dir=model_dir,
                  precision_mode='allow_mix_precision', dump_dir=os.path.join(output, 'dump'),
                  profiling_dir=os.path.join(output, 'profiling'))
    if size == 1:
        values['num_devices'] = 1
    return [sys.executable, os.path.join(ROOT, 'main.py'), '--defaults=' + json.dumps(values)
            ] + _without_output_path(options)


def _without_output_path(options):
    kept, skip = [], False
    for option in options:
        if skip or option.startswith('--output_path='):
            skip = False
        elif option == '--output_path':
            skip = True
        else:
            kept.append(option)
    return kept


if __name__ == '__main__':
    sys.exit(main(sys.argv))
