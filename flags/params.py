"""The frozen Params of a run: defaults < recipes < files < command line."""

import collections

from flags import checks, levels, rows


class Params(collections.namedtuple('Params', list(rows.BY_NAME))):
    """Every flag's value. Immutable, hashable and picklable; sources(params) says where from."""

    def _replace(self, **changes):
        new = super()._replace(**changes)
        new.__dict__['_sources'] = dict(sources(self), **dict.fromkeys(changes, 'program'))
        return new

    def sources(self):
        """Flag -> where its value comes from, such as 'command line (--data_path)'."""
        return dict(self.__dict__.get('_sources', {}))

    def __setattr__(self, name, value):
        raise AttributeError(f'Params are frozen; {name} is set with _replace({name}=...)')


def merge(given, recipes=()):
    """Params of a command line over recipes; called once a run.

    given: Given or None. recipes: (source name, dict of canonical flags), later ones win.
    Raises FlagError for unknown keys, bad values and values that contradict each other.
    """
    values = {row.name: row.default for row in rows.ROWS}
    sources = dict.fromkeys(values, 'default')
    for source, recipe in recipes:
        _apply(levels.canonical(source, recipe), values, sources, None)
    own = dict(values), dict(sources)
    for level in given.levels if given else ():
        _apply(level, values, sources, own)
    checks.check(values, sources)
    params = Params(**values)
    params.__dict__['_sources'] = sources
    return params


def make(**values):
    """Params of a program: canonical flags as keywords, defaults for the rest."""
    return merge(None, [('program', values)])


def sources(params):
    """Flag -> where its value comes from, such as 'command line (--data_path)'."""
    return params.sources()


def to_dict(params):
    """Plain dict for JSON: tuples become lists."""
    return collections.OrderedDict(
        (name, list(value) if isinstance(value, tuple) else value)
        for name, value in zip(params._fields, params))


def _apply(level, values, sources, own):
    """Lays one level over values; own: (values, sources) that a null goes back to."""
    _drop_epsilon(level, values, sources)
    for name, value in level.values.items():
        if value is levels.RESET:
            _reset(name, level, values, sources, own)
            continue
        values[name], sources[name] = value, level.sources[name]
        if value is not None:
            _drop_rival(name, level, values, sources)


def _drop_epsilon(level, values, sources):
    """An epsilon belongs to the optimizer it was given for."""
    optimizer = level.values.get('optimizer', levels.RESET)
    if optimizer not in (levels.RESET, values['optimizer']) and values['optimizer']:
        values['optimizer_epsilon'] = None
        sources['optimizer_epsilon'] = f'not set: {level.source} gives another optimizer'


def _reset(name, level, values, sources, own):
    if name in rows.NETWORK_OWN or own is None:
        values[name] = rows.BY_NAME[name].default
        sources[name] = f"{level.sources[name]}: the network's own"
    else:
        values[name], sources[name] = own[0][name], own[1][name]


def _drop_rival(name, level, values, sources):
    for pair in rows.EXCLUSIVE:
        if name in pair:
            rival = pair[1 - pair.index(name)]
            if values[rival] is not None:
                values[rival] = None
                sources[rival] = f'not set: {level.source} gives {name}'
