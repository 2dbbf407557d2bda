"""Conversions of old flags whose value, not only name, differs: old value -> {flag: value}.

Each docstring is the text of the documentation.
"""

from flags.spec import KINDS


def _truth(value):
    try:
        return KINDS['bool'](value)
    except ValueError:
        raise ValueError('expected True or False')


def _evaluate(value):
    """True is --mode=eval"""
    return {'mode': 'eval'} if _truth(value) else {}


def _summaries(value):
    """False is --save_summary_steps=0"""
    return {} if _truth(value) else {'save_summary_steps': 0}


def _smoothing_switch(value):
    """False is --label_smoothing=0"""
    return {} if _truth(value) else {'label_smoothing': 0.0}


def _split(value):
    """a name that does not begin with train is --eval_split"""
    return {'train_split' if str(value).startswith('train') else 'eval_split': value}


def _mindspore_schedule(value):
    """linear, poly, cosine and steps are mindspore_linear and so on"""
    return {'lr_schedule': f'mindspore_{value}'}


def _bfloat16(value):
    """True is allow_mix_precision, False must_keep_origin_dtype"""
    mixed = _truth(value)
    return {'precision_mode': 'allow_mix_precision' if mixed else 'must_keep_origin_dtype'}


RULES = {
    'evaluate': _evaluate,
    'summaries': _summaries,
    'smoothing_switch': _smoothing_switch,
    'split': _split,
    'mindspore_schedule': _mindspore_schedule,
    'bfloat16': _bfloat16,
}

# Old names whose rule takes True or False, so that --name alone and --noname work.
BOOLEAN_RULES = frozenset(['evaluate', 'summaries', 'smoothing_switch', 'bfloat16'])
