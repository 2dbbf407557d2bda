"""Checks across flags; what one flag accepts is in its row."""

import os

from common.addresses import is_address
from common.errors import FlagError


def check(values, sources):
    """Raises FlagError for values that contradict each other."""
    for rule in RULES:
        text = rule(values, sources)
        if text:
            raise FlagError(text)


def _export_dir(values, sources):
    if values['mode'] == 'export' and not values['export_dir']:
        return '--mode=export needs --export_dir=FOLDER to write the model to.'


def _images(values, sources):
    if values['mode'] == 'predict' and not values['data_dir']:
        return '--mode=predict needs --data_dir=IMAGE, a folder of images or a quoted pattern.'


def _weights(values, sources):
    if values['mode'] == 'import' and not values['import_from']:
        return '--mode=import needs --from=FILE, the weights to bring in.'


def _exported(values, sources):
    if values['exported'] and values['mode'] != 'eval':
        return '--exported=FILE is evaluated: give --mode=eval.'
    if values['exported'] and (values['init_checkpoint'] or values['eval_all']):
        return '--exported evaluates a file; leave out --init_checkpoint and --eval_all.'


def _pixels(values, sources):
    for name in 'pixel_mean', 'pixel_std':
        if values[name] is not None and len(values[name]) not in (1, 3):
            return f'--{name} takes one number or three, not {len(values[name])}.'


def _piecewise(values, sources):
    boundaries, rates = values['lr_decay_boundaries'], values['lr_decay_values']
    if rates is None and boundaries is None:
        return None
    if len(rates or ()) != len(boundaries or ()) + 1:
        return (f'--lr_decay_values needs one number more than --lr_decay_boundaries; they have '
                f'{len(rates or ())} and {len(boundaries or ())}.')
    if list(boundaries or ()) != sorted(set(boundaries or ())):
        return '--lr_decay_boundaries must grow from left to right.'


def _overflow(values, sources):
    if values['device'] == 'npu' and values['npu_dump_data'] and values['npu_overflow_dump']:
        return ('--npu_dump_data and --npu_overflow_dump (over_dump) exclude each other on an '
                'Ascend; give one of them.')


def _data_folder(values, sources):
    if values['dataset'] in ('tfrecord', 'folder') and not values['data_dir']:
        return f"--dataset={values['dataset']} needs --data_dir=FOLDER."


def _local_folders(values, sources):
    wanted = {'profiling_dir': values['profiling'], 'compare_to': values['mode'] == 'compare',
              'dump_dir': values['mode'] == 'compare' or any(values[name] for name in (
                  'npu_dump_data', 'npu_dump_graph', 'npu_overflow_dump'))}
    for name, used in wanted.items():
        if used and is_address(values[name] or ''):
            return (f'--{name}={values[name]}: these files are written and read in folders only. '
                    f'Give one, --{name}=./{name}, and copy it afterwards.')


def _weights_path(values, sources):
    path = values['init_checkpoint'] or ''
    if set(path) & set('[\\') and not values['explain']:
        return (f'--init_checkpoint={path}: TensorFlow takes [ and \\ in the path of a checkpoint '
                'for a pattern, and finds nothing. Rename its folder, or give a link to it: '
                f"ln -s '{os.path.dirname(path)}' weights")


def _model_folder(values, sources):
    if set(values['model_dir'] or '') & set('*?[\\'):
        return (f"--model_dir={values['model_dir']}: TensorFlow takes *, ?, [ and \\ in the path "
                'of a checkpoint for a pattern, would not find it again, and could remove those of '
                'another folder. Give a folder without them; rename the one that is there.')


def _something_to_tune(values, sources):
    if (values['recipe'] == 'finetune' and values['mode'] in ('train', 'train_and_eval')
            and not values['init_checkpoint']):
        return ('--recipe=finetune starts from trained weights: give --init_checkpoint=FILE, a '
                'checkpoint or a file that --mode=import reads; --recipe=small starts without.')


def _backbone_rate(values, sources):
    if values['optimizer'] == 'ftrl' and values['head_epochs']:
        return ('--optimizer=ftrl divides by the learning rate, which --head_epochs makes 0; give '
                'another optimizer.')


def _balance(values, sources):
    if values['balanced_sampling'] and values['use_cache']:
        return '--balanced_sampling does not go with --use_cache; leave one of them out.'
    if isinstance(values['class_weights'], (list, tuple)) and not any(values['class_weights']):
        return '--class_weights: at least one class has to count; give a number above 0.'


def _eval_name(values, sources):
    name = values['eval_name'] or ''
    if '/' in name or name in ('.', '..') or len(name.splitlines()) > 1:
        return (f'--eval_name={name!r} becomes part of the names of files in model_dir; give a '
                'word without a slash.')


RULES = (_eval_name, _balance, _something_to_tune, _backbone_rate, _weights, _exported, _pixels,
         _export_dir, _images, _piecewise, _overflow, _data_folder, _local_folders,
         _weights_path, _model_folder)
