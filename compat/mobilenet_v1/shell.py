"""MindSpore's MobileNetV1: what its scripts/run_*.sh do, `python -m compat.mobilenet_v1.shell`.

Arguments by position, a folder of its own for each run (train_parallel0, train, eval) with its log.
NOTE: there runs go to the background and start with an empty folder; here the exit code is that of
the run, and a run continues from what its folder holds.
"""

import collections
import glob
import os
import sys

from common.errors import FlagError, ProgramError
from common.files import read_json
from launchers import ranks

HERE = os.path.dirname(os.path.abspath(__file__))
Script = collections.namedtuple('Script', ['program', 'positions', 'optional', 'folder', 'log',
                                           'flags', 'size', 'accuracy'])
Script.__new__.__defaults__ = (None,)
Script.__doc__ = """program: what is run; positions, optional: options that its arguments stand for;
folder and log: where; flags: more options; size: devices; accuracy: file for an evaluation's."""

ASCEND, GPU, CPU = {'device_target': 'Ascend'}, {'device_target': 'GPU'}, {'device_target': 'CPU'}
DATA, START = ('dataset', 'dataset_path'), ('pre_trained',)
SCRIPTS = {
    'run_distribute_train': Script(
        'train', ('dataset', 'rank_table_file', 'dataset_path'), START, 'train_parallel0', 'log',
        dict(ASCEND, run_distribute='True'), 8),
    'run_distribute_train_gpu': Script(
        'train', ('dataset', 'config_path', 'dataset_path'), START, 'train_parallel', 'log.txt',
        dict(GPU, run_distribute='True'), 8),
    'run_standalone_train': Script('train', DATA + ('device_id',), START, 'train', 'log', ASCEND,
                                   1),
    'run_standalone_train_gpu': Script('train', DATA, ('device_id',) + START, 'train', 'log.txt',
                                       GPU, 1),
    'run_train_cpu': Script('train', DATA, START, 'train', 'log', CPU, 1),
    'run_eval': Script('eval', DATA + ('checkpoint_path',), ('device_id',), 'eval', 'log', ASCEND,
                       1, 'acc.log'),
    'run_eval_cpu': Script('eval', DATA + ('checkpoint_path',), (), 'eval', 'log', CPU, 1,
                           'acc.log'),
    'run_infer_cpp': Script('eval', ('checkpoint_path', 'dataset_path', 'device_target'),
                            ('device_id',), 'infer', 'log', {}, 1, os.path.join('..', 'acc.log')),
}
SHOWN = {'dataset': 'cifar10|imagenet2012', 'device_target': 'Ascend|GPU|CPU'}
MINDSPORE_ONLY = ('.mindir', '.air')
PATHS = ('dataset_path', 'config_path', 'rank_table_file', 'pre_trained', 'checkpoint_path')


def main(argv):
    """argv: -, name of the script, its arguments; words with dashes go to the program."""
    script = SCRIPTS[argv[1]]
    words = [word for word in argv[2:] if word.startswith('--')]
    values = arguments(script, [word for word in argv[2:] if not word.startswith('--')])
    if values is None:
        print(usage(argv[1]), file=sys.stderr)
        return 2
    ranks.stop_at_once()
    try:
        return run(script, values, words)
    except ProgramError as error:
        print(f'[Error] {error}', file=sys.stderr)
        return error.exit_code


def usage(name):
    """One line: the arguments of a script."""
    script = SCRIPTS[name]
    shown = [f'[{SHOWN.get(word, word.upper())}]' for word in script.positions]
    shown += [f'[{word.upper()}](optional)' for word in script.optional]
    return f'Usage: bash {name}.sh ' + ' '.join(shown)


def arguments(script, words):
    """Option -> text of the positional words, paths made absolute; None: not so many, or others.

    A single optional word that is no number is no device: the README of one script leaves the
    device out, the script itself does not.
    """
    names = script.positions + script.optional
    if len(words) == len(script.positions) + 1 and not words[-1].isdigit():
        names = script.positions + script.optional[-1:]
    if not len(script.positions) <= len(words) <= len(names):
        return None
    values = dict(zip(names, words))
    if any(values[name] not in SHOWN[name].split('|') for name in SHOWN if name in values):
        return None
    return {name: os.path.abspath(os.path.expanduser(text)) if name in PATHS else text
            for name, text in values.items()}


def exported(values):
    """run_infer_cpp's arguments as those of an evaluation: the model that export.py has written.

    NOTE: there a C++ program runs a MindIR file with MindSpore Lite; neither is here, TensorFlow
    evaluates the SavedModel's weights on the images of the data set.
    """
    path = values['checkpoint_path']
    if path.lower().endswith(MINDSPORE_ONLY):
        raise FlagError(f'{path}: MindIR and AIR files are read by MindSpore only. Give the folder '
                        'that compat/mobilenet_v1/export.py has written, or a checkpoint.')
    inside = os.path.join(path, 'saved_model')
    binary = glob.glob(os.path.join(glob.escape(values['dataset_path']), '*.bin'))
    print('NOTE: evaluated by TensorFlow; there is no MindSpore and no C++ program of it here.',
          flush=True)
    return dict(values, checkpoint_path=inside if os.path.isdir(inside) else path,
                dataset='cifar10' if binary else 'imagenet2012')


def run(script, values, words):
    """Runs the program in the script's folder below the working directory."""
    values = dict(script.flags, **values)
    if 'dataset' not in values:
        values = exported(values)
    table = values.pop('rank_table_file', None)
    environment = dict(os.environ, **({'RANK_TABLE_FILE': table} if table else {}))
    if 'device_id' in values:
        environment['ASCEND_DEVICE_ID'] = values['device_id']
    os.makedirs(script.folder, exist_ok=True)
    os.chdir(script.folder)
    device = 'npu' if values['device_target'] == 'Ascend' and ranks.has_adapter() else 'auto'
    with ranks.exclusive('.'):
        processes = ranks.plan(script.size if device == 'npu' else 1, device, environment)
        for index, rank in enumerate(processes):
            _link(_folder(script, index), script.log, ranks.log_of('.', rank))
        code = ranks.run(
            [sys.executable, os.path.join(HERE, script.program + '.py')] +
            [f'--{name}={text}' for name, text in values.items()] + words, processes, '.')
    if script.accuracy and code == 0:
        write_accuracy(script.accuracy, read_json(os.path.join('eval_result', 'evaluation.json')))
    return code


def _folder(script, index):
    """The folder a rank's log is looked for in: train_parallel0, train_parallel1, ..."""
    return os.path.join('..', script.folder[:-1] + str(index)) if index else '.'


def _link(folder, name, log):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    if os.path.islink(path):
        os.remove(path)
    if not os.path.exists(path):
        os.symlink(os.path.relpath(log, folder), path)


def write_accuracy(path, result):
    """acc.log, the two lines of the original's inference on images."""
    with open(path, 'w') as stream:
        stream.write(f"'top1 acc': {result['top_1_accuracy']}\n"
                     f"'top5 acc': {result['top_5_accuracy']}\n")


if __name__ == '__main__':
    sys.exit(main(sys.argv))
