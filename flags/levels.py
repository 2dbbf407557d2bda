"""One level of values (a command line, a file, a recipe): names resolved, values checked."""

import collections

from common.errors import FlagError
from common.names import nearest as closest
from flags import legacy, rows, spec
from flags.conversions import BOOLEAN_RULES, RULES

Level = collections.namedtuple('Level', ['source', 'values', 'sources', 'warnings'])
Level.__doc__ = """source: name of the level; values: canonical flag -> value or RESET;
sources: canonical flag -> text for --explain; warnings: tuple of sentences."""


class Reset:
    """Value of a flag given as null: back to the network's own."""


RESET = Reset()


def all_names():
    """Every accepted name, canonical ones first."""
    return (list(rows.BY_NAME) + list(legacy.ALIAS_BY_NAME) + list(legacy.OLD_BY_NAME))


def is_boolean(name):
    """Whether `--name` alone means True."""
    if name in rows.BY_NAME:
        return rows.BY_NAME[name].kind == 'bool'
    if name in legacy.OLD_BY_NAME:
        return legacy.OLD_BY_NAME[name].kind == 'bool'
    alias = legacy.ALIAS_BY_NAME[name]
    if alias.rule is None:
        return rows.BY_NAME[alias.to].kind == 'bool'
    return alias.rule in BOOLEAN_RULES if isinstance(alias.rule, str) else False


def nearest(name, names=None, prefix=''):
    """' Did you mean ...?' or ''."""
    found = closest(name, names or all_names(), 3)
    return f' Did you mean {" or ".join(prefix + name for name in found)}?' if found else ''


def canonical(source, values):
    """Level of a dict whose keys are canonical names (recipes, flags.make)."""
    for name in values:
        if name not in rows.BY_NAME:
            raise FlagError(f'{source}: there is no flag {name!r}.'
                            f'{nearest(name, list(rows.BY_NAME))}')
    checked = {name: _convert(rows.BY_NAME[name], value,
                              f'{source}: {name}={spec.shortened(repr(value))}')
               for name, value in values.items()}
    return _level(source, checked, {name: source for name in checked}, ())


def resolve(source, entries, style='{}={}'):
    """Level of (name, value) pairs in which old names may occur.

    style: how a pair is written in messages. Raises FlagError for unknown names, bad values,
    refused old flags and two names of one flag that disagree.
    """
    found, warnings = collections.OrderedDict(), []
    for name, value in entries:
        name = name.replace('-', '_')
        said = style.format(name, spec.shortened(value))
        if name in rows.BY_NAME:
            _add(found, name, _given(rows.BY_NAME[name], value, said), name, said)
        elif name in legacy.ALIAS_BY_NAME:
            alias = legacy.ALIAS_BY_NAME[name]
            for target, new in _follow(alias, value, said).items():
                _add(found, target, _given(rows.BY_NAME[target], new, said), name, said, alias.wins)
        elif name in legacy.OLD_BY_NAME:
            warnings += _old(legacy.OLD_BY_NAME[name], value, said)
        else:
            raise FlagError(f'{source}: there is no flag {name}.{nearest(name)} '
                            'See --help, and --help=legacy for old names.')
    values = {target: entry[0] for target, entry in found.items()}
    sources = {target: source if entry[1] == target else f'{source} ({_shown(entry[1], style)})'
               for target, entry in found.items()}
    warnings += _without_data(entries, values, style)
    return _level(source, values, sources, tuple(warnings))


def _without_data(entries, values, style):
    said = [style.format(name, value) for name, value in entries if value == '' and
            'data_dir' in (name, getattr(legacy.ALIAS_BY_NAME.get(name), 'to', None))]
    if said and not values.get('data_dir'):
        return [f'{said[0]} is empty; without data the embedded digits are used.']
    return []


def _level(source, values, sources, warnings):
    for pair in rows.EXCLUSIVE:
        both = [name for name in pair if values.get(name, RESET) not in (RESET, None)]
        if len(both) == 2:
            said = [f'{name}={values[name]} from {sources[name]}' for name in both]
            raise FlagError(f'{said[0]} and {said[1]} say the same thing twice; give one of them.')
    return Level(source, values, sources, warnings)


def _shown(name, style):
    return style.split('=')[0].format(name)


def _given(row, value, said):
    if spec.is_null(value):
        return RESET
    return _convert(row, value, said)


def _convert(row, value, said):
    translation = legacy.VALUES.get(row.name, {})
    if isinstance(value, str):
        value = translation.get(value, value)
    try:
        return spec.convert(row, value)
    except ValueError as error:
        raise FlagError(f'{said}: {error}.')


def _add(found, target, value, name, said, wins=False):
    if target in found:
        old_value, _, old_said, old_wins = found[target]
        if old_wins and not wins:
            return
        if old_value != value and not wins:
            raise FlagError(f'{old_said} and {said} both set {target}, to different values; '
                            'give one of them.')
    found[target] = (value, name, said, wins)


def _follow(alias, value, said):
    """Canonical flag -> value that an alias stands for; {} when it says nothing."""
    if value == '' or spec.is_null(value) or value in alias.unset:
        return {}
    if alias.rule is None:
        return {alias.to: value}
    try:
        if isinstance(alias.rule, str):
            return RULES[alias.rule](value)
        if value not in alias.rule:
            raise ValueError('expected one of ' + ', '.join(alias.rule))
        return {alias.to: alias.rule[value]}
    except ValueError as error:
        raise FlagError(f'{said}: {error}.')


def _old(row, value, said):
    """Warnings of an old flag without meaning; refuses it where it had one."""
    if spec.is_null(value) or row.accepted == legacy.ANY:
        return []
    if row.kind == 'bool':
        try:
            value = spec.KINDS['bool'](value)
        except ValueError:
            raise FlagError(f'{said}: expected True or False.')
    elif str(value) in row.accepted:
        return []
    if value in row.accepted:
        return []
    if row.action == legacy.REFUSE:
        raise FlagError(f'{said} cannot be followed: {row.why}')
    return [f'{said} is ignored: {row.why}']
