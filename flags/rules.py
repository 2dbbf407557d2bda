"""Conversions of old flags whose value, not only name, differs: old value -> {flag: value}."""

from flags.spec import KINDS


def _truth(value):
    try:
        return KINDS['bool'](value)
    except ValueError:
        raise ValueError('expected True or False')


def _evaluate(value):
    return {'mode': 'eval'} if _truth(value) else {}


def _summaries(value):
    return {} if _truth(value) else {'save_summary_steps': 0}


def _smoothing_switch(value):
    return {} if _truth(value) else {'label_smoothing': 0.0}


def _split(value):
    return {'train_split' if str(value).startswith('train') else 'eval_split': value}


def _mindspore_schedule(value):
    return {'lr_schedule': f'mindspore_{value}'}


def _device_list(value):
    return {'num_devices': len([item for item in str(value).split(',') if item.strip()])}


def _bfloat16(value):
    mixed = _truth(value)
    return {'precision_mode': 'allow_mix_precision' if mixed else 'must_keep_origin_dtype'}


RULES = {
    'evaluate': _evaluate,
    'summaries': _summaries,
    'smoothing_switch': _smoothing_switch,
    'split': _split,
    'mindspore_schedule': _mindspore_schedule,
    'device_list': _device_list,
    'bfloat16': _bfloat16,
}

# Old names whose rule takes True or False, so that --name alone and --noname work.
BOOLEAN_RULES = frozenset(['evaluate', 'summaries', 'smoothing_switch', 'bfloat16'])
