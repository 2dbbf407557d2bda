"""What a run is going to do, before it does it: its first lines, and the values of --explain."""

from common.errors import FlagError, ProgramError
from estimator import plan as plan_lib
from estimator import run as run_lib
from estimator.devices import session
from estimator.hooks.diagnostics import steps as steps_lib
from estimator.training import schedules


def lines(network, run, inputs):
    """The first lines of a training run."""
    params, plan, device = run.params, run.plan, run.device
    rate = schedules.peak_learning_rate(params, plan)
    told = [
        f'network    {network.name}, {inputs.num_classes} classes, '
        f'{inputs.image_size}x{inputs.image_size} pixels',
        f'data       {inputs.summary()}',
        f'training   {plan.train_steps} steps = {plan.epochs:.2f} epochs of '
        f'{plan.steps_per_epoch:.1f} steps, global batch {plan.global_batch} '
        f'({params.train_batch_size} on each of {device.text})',
        f'optimizer  {params.optimizer}, learning rate {rate:g}, '
        f'{params.lr_schedule} schedule, {params.lr_warmup_epochs or 0:g} warm-up epochs',
        f'precision  {run.precision.text}']
    return (_fewer_devices(run) + told
            + [f'{flag}: {text}' for flag, text in device_flags(run)])


def _fewer_devices(run):
    meant, there = run.params.expected_devices, run.device.count
    if there >= (meant or 1):
        return []
    return [f'NOTE: this command is written for {meant} devices, and {there} can be used here; the '
            'recipe is the one for that many']


def of_evaluation(run):
    """Lines of an evaluation: what the given flags that differ between devices do."""
    precision = [f'precision  {run.precision.text}'] if run.params.precision_mode else []
    return precision + [f'{flag}: {text}' for flag, text in device_flags(run, training=False)]


def device_flags(run, training=True):
    """[(--flag=value, what it does on this device)] of those that differ between devices."""
    params, kind, told = run.params, run.device.kind, []
    if params.npu_auto_tune:
        told.append(('--npu_auto_tune', 'the Ascend compiler tunes operators; first steps take long'
                     if kind == 'npu' else
                     f'does nothing on a {kind}; it tunes operators of the Ascend compiler'))
    if params.iterations_per_loop:
        told.append((f'--iterations_per_loop={params.iterations_per_loop}',
                     _loop(run) if training else 'does nothing in an evaluation'))
    if params.use_xla:
        told.append(('--use_xla', _xla(kind)))
    return told


def _loop(run):
    params, kind = run.params, run.device.kind
    if kind == 'npu':
        return 'at most so many steps a loop on the device'
    if params.save_checkpoints_steps or params.save_checkpoints_secs:
        return f'does nothing on a {kind}; another flag says when checkpoints are saved'
    return f'no loop on a {kind}; a checkpoint every {session.cadence(run)[0]} steps'


def _xla(kind):
    if kind == 'npu':
        return "does nothing on an Ascend; its own compiler takes the whole graph"
    if kind == 'gpu':
        return 'XLA compiles clusters of operators; first steps take longer'
    return 'does nothing on a cpu'


def effective(network, params, open_inputs):
    """({flag: (value, where from)} of what the flags leave open, lines that sum it up).

    open_inputs: a function that gives input.Inputs, or None in modes without training data. Data
    or a device that cannot be used are a line, not an error.
    """
    options = dict(network.defaults, weight_decay_on=network.decay_rule)
    found = {name: ('none' if value is None else value, 'the network')
             for name, value in options.items()}
    found.update({name: (value, f'schedule {params.lr_schedule}') for name, value in
                  schedules.SCHEDULES[params.lr_schedule].defaults.items()})
    found.update(input_image_size=(network.image_size, 'the network'),
                 num_label_classes=(network.num_classes, 'the network'),
                 preprocessing_name=(network.preprocessing, 'the network'),
                 recipe=(next(iter(network.recipes)), 'the network'))
    told = []
    try:
        if open_inputs is not None:
            inputs = open_inputs()
            run = run_lib.prepare(params, inputs.num_train_images, {})
            found.update(_of_data(inputs))
            found.update(_of_run(run))
            told = lines(network, run, inputs) if run.plan else []
    except ProgramError as error:
        told = [f'not known yet: {error}']
    return found, told


def _of_data(inputs):
    about = inputs.describe()
    return {'input_image_size': (inputs.image_size, 'the network'),
            'preprocessing_name': (about['preprocessing'], 'the network'),
            'num_label_classes': (inputs.num_classes, 'the data'),
            'label_offset': (about['label_offset'], f'the data: {about["label_offset_from"]}'),
            'num_train_images': (inputs.num_train_images, 'the data'),
            'num_eval_images': (inputs.num_eval_images, 'the data'),
            'dataset': (about['dataset'], 'program'),
            'num_parallel_calls': ('auto', 'TensorFlow, as it runs'),
            'num_readers': (about['num_readers'], 'at most 16 of the files'),
            'crop_min_area': (about['crop_min_area'], f'preprocessing {about["preprocessing"]}'),
            'random_flip': (about['random_flip'], f'preprocessing {about["preprocessing"]}'),
            'pixel_mean': (about['pixel_mean'], f'preprocessing {about["preprocessing"]}'),
            'pixel_std': (about['pixel_std'], f'preprocessing {about["preprocessing"]}'),
            'data_dir': (about['source'], 'the data')}


def _of_run(run):
    params, precision, plan = run.params, run.precision, run.plan
    steps, seconds = session.cadence(run) if plan else (None, None)
    found = {'device': (run.device.kind, 'this machine'),
             'num_devices': (run.device.count, 'this machine'),
             'precision_mode': (precision.mode, f'in force: {precision.text}'),
             'loss_scale': (precision.loss_scale or 'off', 'the precision'),
             'eval_batch_size': (params.train_batch_size, 'train_batch_size'),
             'save_checkpoints_steps': (steps, 'program'),
             'save_checkpoints_secs': (seconds, 'program')}
    if plan:
        source = f'{plan.steps_per_epoch:.1f} steps an epoch, global batch {plan.global_batch}'
        first, last = steps_lib.default_window(0, plan.train_steps)
        found.update(
            train_steps=(plan.train_steps, source), train_epochs=(round(plan.epochs, 4), source),
            steps_per_eval=(plan_lib.steps_per_eval(params, plan), 'program'),
            data_dump_step=('0', 'program'),
            profile_steps=(f'{first}-{last}', 'program'),
            learning_rate=(_rate(params, plan), source))
    return found


def _rate(params, plan):
    try:
        return schedules.peak_learning_rate(params, plan)
    except FlagError:
        return None
