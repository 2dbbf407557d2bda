"""The files and last lines of a launch, as the Ascend template's scripts leave them.

train_${CaseName}_loss.txt, a loss a line; ${CaseName}.log, 'key = value' in the template's order.
NOTE: the template greps its numbers out of the training log and divides by what it did not find;
here they come from result.json and log.csv of the run's model_dir.
"""

import csv
import os
import platform

from common import storage
from common.console import say
from common.files import read_record, write_text

CASE_WORDS = {'full': 'acc', 'performance': 'perf', 'eval': 'eval'}


def result_of(case, model_dir):
    """What the run of a case has left in model_dir, a dict or None; an evaluation its own file."""
    name = 'evaluation.json' if case == 'eval' else 'result.json'
    return read_record(os.path.join(model_dir, name))


def report(case, output, model_dir, seconds, network=None):
    """Writes the files of a finished launch into `output` and prints its last lines.

    network: the name in CaseName, default the model's. Returns the result it reports.
    """
    result = result_of(case, model_dir)
    losses = read_losses(os.path.join(model_dir, 'log.csv'))
    rows = numbers(case, result, losses, seconds, network or result['model_name'])
    name = dict(rows)['CaseName']
    if case != 'eval':
        write_text(os.path.join(output, f'train_{name}_loss.txt'),
                   ''.join(loss + '\n' for loss in losses))
    write_text(os.path.join(output, f'{name}.log'),
               ''.join(f'{key} = {value}\n' for key, value in rows))
    show(dict(rows), output)
    return result


def again(case, output, model_dir, network=None):
    """Prints the last lines of the launch that trained model_dir to its end.

    Returns whether its ${CaseName}.log is there.
    """
    result = result_of(case, model_dir)
    path = os.path.join(output, case_name(case, result, network or result['model_name']) + '.log')
    if not os.path.exists(path):
        return False
    with open(path) as stream:
        rows = dict(line.rstrip('\n').split(' = ', 1) for line in stream)
    say(f'Nothing was left to train; the numbers are those of the run before, in {path}')
    show(rows, output)
    return True


def numbers(case, result, losses, seconds, network):
    """(key, value) rows of ${CaseName}.log."""
    rate = result['images_per_sec'] or 0.0
    accuracy = result['top_1_accuracy']
    if accuracy is None:
        accuracy = result.get('train_accuracy') or 0.0
    speed = () if case == 'eval' else (
        ('ActualFPS', f'{rate:.2f}'),
        ('TrainingTime', f'{result["global_batch"] * 1000 / rate if rate else 0:.2f}'))
    return (
        ('Network', network), ('RankSize', result['num_devices']),
        ('BatchSize', result['params']['train_batch_size']), ('DeviceType', platform.machine()),
        ('CaseName', case_name(case, result, network))) + speed + (
        ('TrainAccuracy', f'{accuracy:.4f}'),
        ('ActualLoss', losses[-1] if losses else result['loss']), ('E2ETrainingTime', seconds))


def case_name(case, result, network):
    """${CaseName}: network, batch of a device, devices, what was measured."""
    batch = result['params']['train_batch_size']
    return f'{network}_bs{batch}_{result["num_devices"]}p_{CASE_WORDS[case]}'


def show(rows, output):
    """The final block on the console."""
    say('------------------ Final result ------------------')
    if 'ActualFPS' in rows:
        say(f'Final Performance images/sec : {rows["ActualFPS"]}')
    say(f'Final Train Accuracy : {rows["TrainAccuracy"]}')
    say(f'E2E Training Duration sec : {rows["E2ETrainingTime"]}')
    say(f'Files in {output}')


def read_losses(path):
    """The losses of log.csv as text, from the first step on."""
    if not storage.exists(path):
        return []
    return [row['loss'] for row in csv.DictReader(storage.read_text(path).splitlines())]


def set_aside(path):
    """Renames a log of an earlier launch to the first free `path`.1, .2 ...; returns that name."""
    if not os.path.exists(path):
        return None
    number = 1
    while os.path.exists(f'{path}.{number}'):
        number += 1
    os.replace(path, f'{path}.{number}')
    return f'{path}.{number}'
