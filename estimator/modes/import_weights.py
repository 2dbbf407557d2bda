"""`--mode=import`: weights of other frameworks as a checkpoint under the originals' names.

    python main.py --mode=import --model_name=NAME --from=FILE --model_dir=DIR

Files in --model_dir:

    model.ckpt-0        every variable of the network, and a global step of 0
    params.json         the flags the network needs to give the source's logits; every mode that
                        uses the checkpoint reads them there
    import.json         what came from where: counts, what was left out, the check

The same file may be given as --init_checkpoint anywhere: it is imported into --model_dir/imported.
"""

import os

from common import files as common_files
from common import storage
from common.console import say, warn
from common.errors import CheckpointError
from estimator import results
from estimator.checkpoints.foreign import check, convert, files
from estimator.lock import exclusive

FOLDER = 'imported'
# Flags besides the network's arguments that the weights bring along.
IMAGES = ('preprocessing_name', 'pixel_mean', 'pixel_std', 'input_image_size')


def needed_flags(network, given, model_dir):
    """[(source, flags)] that the weights of --from bring along."""
    del model_dir
    path = given.value('import_from')
    return [(f'weights {path}', _examined(network, given.value, path).values)] if path else []


def run(network, params, open_inputs):
    """Imports --from into --model_dir; returns the exit code.

    Raises CheckpointError when the file is damaged, of another network, or computes something else
    than its source does.
    """
    del open_inputs
    value = lambda name: getattr(params, name)  # noqa: E731
    found = _examined(network, value, params.import_from)
    with exclusive(params.model_dir):
        if any(name.startswith('model.ckpt-') for name in storage.names(params.model_dir)):
            raise CheckpointError(f'{params.model_dir} holds a checkpoint already. Give another '
                                  '--model_dir, or remove it.')
        classes = params.num_label_classes or found.arguments['num_classes']
        _into(params.model_dir, network, params.import_from, found, value, classes)
    say(f'next       python main.py --mode=predict --model_name={network.name} '
        f'--model_dir={params.model_dir} --data_dir=IMAGES')
    say(f'           python main.py --model_name={network.name} '
        f'--init_checkpoint={params.model_dir} --data_dir=DATA --model_dir=DIR')
    return 0


def local_weights(network, given, model_dir):
    """given, with a foreign --init_checkpoint replaced by the checkpoint made of it."""
    path = given.value('init_checkpoint')
    if given.value('explain') or not files.is_foreign(path):
        return given
    folder = os.path.join(model_dir, FOLDER)
    with exclusive(folder):
        kept = common_files.read_json(os.path.join(folder, 'import.json')) or {}
        if kept.get('file') != _identity(path, network):
            found = _examined(network, given.value, path)
            _into(folder, network, path, found, given.value, found.arguments['num_classes'])
    return given.replaced('init_checkpoint', folder, f'imported from {path}')


def _examined(network, value, path):
    insisted = {name: value(name) for name in network.arguments
                if value(name) is not None and name != 'data_format'}
    return convert.examine(network, files.here(path), value('import_as'), insisted)


def _into(folder, network, path, found, value, classes):
    """Writes the checkpoint and its records, and checks it."""
    flags = {name: value(name) for name in network.arguments + IMAGES
             if value(name) is not None and name != 'data_format'}
    flags = dict(found.values, **flags, num_label_classes=classes)
    arguments = {name: flags[name] for name in network.arguments if name in flags}
    arguments['num_classes'] = classes
    say(f'weights    {check.label(found.row) if found.row else network.name}, {found.path} '
        f'({found.source.kind})')
    if found.doubt:
        warn(found.doubt)
    _remove(folder)
    prefix, counts = convert.write(network, found, arguments, folder)
    checked = check.check(network, found, prefix, arguments,
                          flags.get('input_image_size') or network.image_size)
    report = {'file': _identity(path, network),
              'weights': check.label(found.row) if found.row else network.name, 'flags': flags,
              'counts': counts, 'notes': list(found.notes), 'doubt': found.doubt,
              'check': checked.text, 'ok': checked.ok, 'versions': results.versions()}
    if not checked.ok:
        _remove(folder)
        raise CheckpointError(f'{found.path}: {checked.text}, which is too far apart. Nothing was '
                              'imported.')
    common_files.write_json(os.path.join(folder, 'params.json'),
                            dict(flags, model_name=network.name, mode='import'))
    common_files.write_json(os.path.join(folder, 'import.json'), report)
    _say(found, flags, counts, checked, prefix)


def _identity(path, network):
    """What tells one file from another."""
    size, changed = storage.stamp(path)
    return {'path': storage.absolute(path), 'bytes': size, 'changed': changed,
            'model_name': network.name}


def _remove(folder):
    """Removes what an interrupted import has left."""
    for name in storage.names_or_none(folder):
        if name in ('checkpoint', 'import.json', 'params.json') or name.startswith('model.ckpt-0.'):
            common_files.remove(os.path.join(folder, name))


def _say(found, flags, counts, checked, prefix):
    arranged = ', '.join(f'{counts[word]} {word}' for word in ('transposed', 'reordered',
                                                               'as they are') if word in counts)
    say(f'variables  {counts["imported"]} of {counts["variables"]} ({arranged}); '
        f'{counts["left_out"]} tensors of the file left out')
    say('needs      ' + ' '.join(f'--{name}={_typed(flags[name])}' for name in sorted(flags)))
    for note in found.notes:
        say(f'note       {note}')
    say(f'check      {checked.text}')
    say(f'checkpoint {prefix}')


def _typed(value):
    return ','.join(f'{number:g}' for number in value) if isinstance(value, tuple) else value
