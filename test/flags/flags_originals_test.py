"""Every flag of the original projects parses with the value the original prints as default."""

import collections
import os

import pytest

import flags
from flags import legacy

PATH = os.path.join(os.path.dirname(__file__), '..', 'goldens', 'flags', 'original_flags.txt')


def table():
    found = collections.OrderedDict()
    with open(PATH) as lines:
        for line in lines:
            if not line.startswith('#'):
                original, name, value = line.rstrip('\n').split('\t')
                found.setdefault(original, []).append((name, value))
    return found


@pytest.mark.parametrize('original', list(table()))
def test_defaults_of_an_original_parse(original):
    failures = []
    for name, value in table()[original]:
        try:
            flags.parse([f'{"-" if len(name) == 1 else "--"}{name}={value}'])
        except flags.FlagError as error:
            failures.append(str(error))
    assert not failures, '\n'.join(failures)


def test_commands_of_the_readmes():
    for original in ('mixnet_readme', 'condconv_readme'):
        words = {f'--{name}': value for name, value in table()[original]}
        words.update({'--mode': 'train'})
        made = flags.merge(flags.parse([f'{name}={value}' for name, value in words.items()]))
        assert made.profiling and made.npu_dump_data and not made.npu_auto_tune
        assert made.log_step_count_steps == 1


def test_the_five_train_mains_are_covered():
    mains = ('mixnet_and_mnasnet', 'condconv', 'mobilenet_v2', 'mobilenet_v2_modelarts',
             'train_mains_other')
    names = {name for main in mains for name, _ in table()[main]}
    assert len(names) == 148


def test_every_old_name_belongs_to_an_original():
    original = {name.replace('-', '_') for pairs in table().values() for name, _ in pairs}
    # No flag can be called `from`, because a field of Params cannot; the limits say better what
    # num_train_images and num_eval_images do to data that are there.
    own = {'from', 'limit_train_images', 'limit_eval_images'}
    assert set(legacy.ALIAS_BY_NAME) | set(legacy.OLD_BY_NAME) <= original | own
