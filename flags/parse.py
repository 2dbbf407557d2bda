"""The command line: absl splits it, levels.py says what it means."""

import collections
import sys

from absl import flags as absl_flags

from common.console import say
from common.errors import FlagError
from flags import levels, overlay, rows
from flags.explain import help_text
from flags.spec import shortened

HELP = ('help', 'helpfull', 'helpshort', 'h')
SEE = 'See --help, and --help=legacy for old names.'


class Given(collections.namedtuple('Given', ['levels', 'warnings'])):
    """What a user gave: levels (overlays, then the command line) and warnings."""

    __slots__ = ()

    def value(self, name):
        """What the user says about a flag, else its default; recipes are not asked."""
        for level in reversed(self.levels):
            value = level.values.get(name)
            if value is not None and value is not levels.RESET:
                return value
        return rows.BY_NAME[name].default

    def replaced(self, name, value, source):
        """Given with another value of a flag, which wins over everything."""
        level = levels.Level(source, {name: value}, {name: source}, ())
        return self._replace(levels=tuple(self.levels) + (level,))


def parse(argv=None):
    """Given of a command line such as sys.argv (program name first; it may be missing).

    Prints warnings about ignored old flags to stderr; --help prints and exits with 0.
    Raises FlagError for everything that cannot be used.
    """
    argv = list(sys.argv if argv is None else argv)
    program = argv.pop(0) if argv and not argv[0].startswith('-') else 'main.py'
    line = levels.resolve('command line', _split(program, argv), style='--{}={}')
    found = tuple(overlay.read(line.values)) + (line,)
    warnings = tuple(text for level in found for text in level.warnings)
    for text in warnings:
        print(f'WARNING: {text}', file=sys.stderr)
    return Given(found, warnings)


def _split(program, argv):
    """(name, text) pairs of a command line."""
    words = [_underscores(word) for word in argv]
    for word in words:
        if word.split('=')[0] in ('--flagfile', '--undefok'):       # absl's own
            raise FlagError(_unknown(word.split('=')[0].lstrip('-')) +
                            ' Files of flags are given with --config_file.')
    values = _flag_values()
    try:
        rest = values([program] + words)[1:]
    except absl_flags.UnrecognizedFlagError as error:
        raise FlagError(_unknown(error.flagname))
    except FlagError:
        raise
    except (absl_flags.Error, ValueError) as error:
        raise FlagError(f'{error}. {SEE}')
    if rest:
        raise FlagError(_positional(rest[0], words))
    for name in HELP:
        if values[name].present:
            say(help_text(values[name].value))
            raise SystemExit(0)
    return [(name, values[name].value) for name in levels.all_names() if values[name].present]


class _Once(absl_flags.Flag):
    """A flag that is not given twice with two values."""

    def parse(self, argument):
        if self.present and argument != self.value:
            raise FlagError(f'--{self.name} is given twice: {shortened(self.value)} and '
                            f'{shortened(argument)}; give it once.')
        super().parse(argument)


def _flag_values():
    """absl flags of every name, their values left as text."""
    values = absl_flags.FlagValues()
    values.set_gnu_getopt(True)
    names = [(name, levels.is_boolean(name)) for name in levels.all_names()]
    for name, boolean in names + [(name, True) for name in HELP]:
        values[name] = _Once(absl_flags.ArgumentParser(), None, name, None, name, boolean=boolean)
    return values


def _underscores(word):
    """--batch-size=8 as --batch_size=8, --no-use-cache as --nouse_cache; other words stay."""
    name, equals, value = word.partition('=')
    bare = name.lstrip('-')
    if not name.startswith('-') or not bare[:1].isalpha():
        return word
    bare = bare.replace('-', '_')
    if bare.startswith('no_') and bare[3:] in levels.all_names():
        bare = 'no' + bare[3:]
    return '--' + bare + equals + value


def _unknown(name):
    return f'There is no flag --{name}.{levels.nearest(name, prefix="--")} {SEE}'


def _positional(word, words):
    """Why a word without a flag is refused, and what to type."""
    before = words[words.index(word) - 1] if words.index(word) else ''
    name = before.lstrip('-')
    if before.startswith('-') and name in levels.all_names() and levels.is_boolean(name):
        return (f'{word!r} stands alone: --{name} takes its value with an equals sign. '
                f'Type --{name}={word}.')
    if '=' in word and word.split('=')[0] in levels.all_names():
        return f'{word!r} is not a flag. Type --{word}.'
    return (f'{word!r} stands alone, and no positional arguments are taken (data are given with '
            f'--data_dir=FOLDER). {SEE}')
