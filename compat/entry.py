"""The shared mechanism: an original's command line -> main.py's, run in this process.

A script names what its original does by itself, below the command line:

    sys.exit(entry.run(sys.argv, {'recipe': 'ascend'}))

Every flag is then main.py's to understand. What main.py cannot know is done here: positional
arguments, `--name True`, an Ascend that is not there, folders that ModelArts' store stands for.
"""

import collections
import importlib.util
import json
import sys

import flags
from common.errors import FlagError
from flags import legacy, levels, rows

# What the originals call an Ascend; here it is used where it is installed.
ASCEND = {'device': 'npu', 'device_target': 'Ascend'}
DEVICE_FLAGS = ('device', 'device_target', 'device_list', 'device_ids', 'gpu_ids', 'num_devices')
TRUTH = ('true', 'false')


def run(argv, defaults=(), positional=(), without=(), rewrite=None, around=None):
    """Runs main.py on an original's command line; returns its exit code.

    argv: as sys.argv. defaults: flag -> value below the command line. positional: flags that words
    without a dash stand for, in their order. without: flags that mean nothing and are left out.
    rewrite: function(OrderedDict name -> text, defaults) that changes either. around:
    function(given, defaults, start) that calls start(given, defaults) -> exit code itself.
    """
    try:
        given, defaults = read(argv[1:], positional), dict(defaults)
        for name in without:
            given.pop(name, None)
        _without_ascend(given, defaults)
        if rewrite:
            rewrite(given, defaults)
        return (around or _directly)(given, defaults, start)
    except Exception as error:  # pylint: disable=broad-except
        if not hasattr(error, 'exit_code'):
            raise
        import main
        return main.report(error)


def _directly(given, defaults, begin):
    return begin(given, defaults)


def start(given, defaults):
    """main.py with these flags; returns its exit code."""
    import main
    return main.main(['main.py', '--defaults=' + json.dumps(defaults)] + words(given))


def devices(given):
    """How many devices main.py would use with these flags."""
    from estimator.devices import session
    chosen = {name: given[name] for name in given if name in DEVICE_FLAGS}
    values = flags.parse(['main.py'] + words(chosen))
    session.use_only(values.value('device_ids'))
    return session.find_device(values.value('device'), values.value('num_devices')).count


def words(given):
    """{name: text} as a command line; a switch is a name with the text True."""
    return [f'--{name}={text}' for name, text in given.items()]


def read(command_line, positional=()):
    """OrderedDict flag -> text of a command line; the last word wins, dashes become underscores.

    Raises FlagError: more words without a flag than `positional` has names.
    """
    given, left = collections.OrderedDict(), list(positional)
    rest = list(command_line)
    while rest:
        word = rest.pop(0)
        if not word.startswith('-') or word == '-':
            if not left:
                raise FlagError(f'{word!r} stands alone; '
                                f'{_usage(positional) or "no positional arguments are taken"}.')
            given[left.pop(0)] = word
            continue
        name, equals, text = word.lstrip('-').partition('=')
        name = name.replace('-', '_')
        if not equals:
            text = _value(name, rest)
        given[name] = text
    return given


def latest(command_line, positional=()):
    """`read`, in which a later word also takes away what it says anew under another name.

    For a script's own flags with a user's behind them.
    """
    given = collections.OrderedDict()
    for name, text in read(command_line, positional).items():
        for other in [other for other in given if _same(other, name)]:
            del given[other]
        given[name] = text
    return given


def _same(name, other):
    one, two = (getattr(legacy.ALIAS_BY_NAME.get(word), 'to', word) for word in (name, other))
    return one == two or any({one, two} == set(pair) for pair in rows.EXCLUSIVE)


def _usage(positional):
    return 'the words without a flag are ' + ' '.join(
        f'[{name.upper()}]' for name in positional) if positional else ''


def _value(name, rest):
    """The text of `--name`: a switch is True unless True or False follows."""
    switch = name in levels.all_names() and levels.is_boolean(name)
    if rest and (rest[0].lower() in TRUTH or not switch and not _is_flag(rest[0])):
        return rest.pop(0)
    return 'True'


def _is_flag(word):
    return word.startswith('--') or (word.startswith('-') and word[1:2].isalpha())


def _without_ascend(given, defaults):
    """Lets an Ascend's command line run where none is, and says so."""
    if importlib.util.find_spec('npu_bridge'):
        return
    for values in (given, defaults):
        for name, word in ASCEND.items():
            if values.get(name) == word:
                del values[name]
                if values is given:
                    print(f'WARNING: --{name}={word}: there is no Ascend here (no npu_bridge for '
                          'this Python); running on what is there.', file=sys.stderr)
