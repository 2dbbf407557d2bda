"""Overlays: --config_file is a YAML or JSON file; --defaults and --params_override are such text,
or 'k=v,k2=v2'."""

import json
import os
import re

import yaml

from common import storage
from common.errors import FlagError
from flags import levels, mindspore, rows
from flags.spec import DIGITS, shortened


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-5 and 010 as decimal numbers, 1:30 as text, as YAML 1.2 does.

    It refuses what has no place among flags and can take for ever: aliases (a few lines of which
    say millions of values, or a value that holds itself), and a key with two values.
    """

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f'line {self.peek_event().start_mark.line + 1}: aliases (*name) '
                                 'are not read; write the value out')
        return super().compose_node(parent, index)

    def construct_yaml_int(self, node):
        if len(node.value) > DIGITS:
            raise yaml.YAMLError(f'line {node.start_mark.line + 1}: a number of '
                                 f'{len(node.value)} digits')
        if ':' in node.value:           # YAML 1.1 reads 1:30 as 90, 010 as 8
            return node.value
        if re.match(r'[-+]?0[0-9_]+$', node.value):
            return int(node.value)
        return super().construct_yaml_int(node)

    def construct_yaml_float(self, node):
        return node.value if ':' in node.value else super().construct_yaml_float(node)

    def construct_mapping(self, node, deep=False):
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        names, values = [key.value for key, _ in pairs], [value.value for _, value in pairs]
        for place, name in enumerate(names):
            if name in names[:place] and values[names.index(name)] != values[place]:
                raise yaml.YAMLError(f'line {node.value[place][0].start_mark.line + 1}: '
                                     f'{shortened(name)} is given twice, with two values')
        return super().construct_mapping(node, deep)


_Loader.add_constructor('tag:yaml.org,2002:int', _Loader.construct_yaml_int)
_Loader.add_constructor('tag:yaml.org,2002:float', _Loader.construct_yaml_float)
_Loader.add_implicit_resolver(
    'tag:yaml.org,2002:float',
    re.compile(r'^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$'),
    list('-+0123456789.'))


LARGEST_TEXT = 2 ** 16       # characters; YAML is read at some 50,000 a second
DEEPEST = 50                 # brackets or dashes inside each other
OVERLAYS = ('defaults', 'config_file', 'params_override')


def read(values):
    """Levels of the overlays that a command line's values name, lowest first."""
    given = {name: values[name] for name in OVERLAYS if isinstance(values.get(name), str)}
    found = []
    for name in [name for name in OVERLAYS if name in given]:
        source = f'config file {given[name]}' if name == 'config_file' else f'--{name}'
        tree = (load_file(given[name]) if name == 'config_file'
                else _override(given[name], source))
        if name == 'config_file' and mindspore.is_config(tree):
            tree = mindspore.training_flags(tree)
        found.append(_level(source, tree))
    return found


def _level(source, tree):
    pairs = _flatten(source, tree)
    for name, _ in pairs:
        if name in OVERLAYS + ('config_path',):
            raise FlagError(f'{source}: {name} cannot be given inside an overlay.')
    return levels.resolve(source, pairs, style=source + ': {}={}')


def load_file(path):
    """The dict in a YAML or JSON file. FlagError: not readable, no dict."""
    return _load(_text_of(path), f'config file {path}')


def _text_of(path):
    try:
        if storage.is_address(path):
            return storage.read_text(path)
        if os.path.exists(path) and not os.path.isfile(path):
            raise OSError('it is no file')      # opening a pipe would wait for ever
        with open(path, encoding='utf-8') as stream:
            return stream.read(LARGEST_TEXT + 1)
    except (OSError, ValueError) as error:
        raise FlagError(f'--config_file={path} cannot be read ({error}); the working directory is '
                        f'{os.getcwd()}.')


def _load(text, source):
    """First document of a YAML (or JSON) text, a dict."""
    if len(text) > LARGEST_TEXT:
        raise FlagError(f'{source} is longer than {LARGEST_TEXT} characters; flags are not.')
    if _depth(text) > DEEPEST:
        raise FlagError(f'{source} is not valid YAML or JSON: more than {DEEPEST} brackets or '
                        'dashes inside each other')
    try:
        json_text = text.lstrip().startswith('{') and '\t' in text    # tabs are no YAML
        tree = (json.loads(text, object_pairs_hook=_unique, parse_int=_short_integer) if json_text
                else _first_document(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FlagError(f'{source} is not valid YAML or JSON: {shortened(error, 400)}')
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise FlagError(f'{source} must hold "flag: value" lines; it holds {tree!r:.60}.')
    return tree


def _depth(text):
    """How many brackets are open at once, or dashes stand in a row, at the most."""
    depth = deepest = 0
    for letter in text:
        depth += (letter in '[{') - (letter in ']}')
        deepest = max(deepest, depth)
    return max([deepest] + [len(row.split()) for row in re.findall(r'(?:[-?] +)+', text)])


def _first_document(text):
    """What comes before '---'; MindSpore's files explain their options, in words, after it."""
    first, *later = list(yaml.load_all(text, Loader=_Loader)) or [None]
    values = [value for tree in later if isinstance(tree, dict) for value in tree.values()]
    known = isinstance(first, dict) and mindspore.is_config(first)
    if not known and not all(isinstance(value, (str, list)) for value in values):
        raise yaml.YAMLError('flags after a line of ---; give one document')
    return first


def _short_integer(text):
    if len(text) > DIGITS:
        raise ValueError(f'a number of {len(text)} digits')
    return int(text)


def _unique(pairs):
    """The dict of a JSON object. ValueError: a key with two values."""
    tree = {}
    for name, value in pairs:
        if name in tree and tree[name] != value:
            raise ValueError(f'{shortened(name)} is given twice, with two values')
        tree[name] = value
    return tree


def _override(text, source):
    if re.match(r'^\s*[\w.-]+\s*=', text):
        return _pairs(text, source)
    return _load(text, source)


def _pairs(text, source):
    """Dict of 'k=v,k2=v2'; commas inside brackets or quotes belong to the value."""
    tree = {}
    for part in re.split(r',(?=\s*[\w.-]+\s*=)', text.strip().rstrip(',')):
        name, equals, value = part.partition('=')
        if not equals or not name.strip():
            raise FlagError(f'{source}: {part!r} is not of the form flag=value.')
        name, value = name.strip(), value.strip()
        if name in tree and tree[name] != value:
            raise FlagError(f'{source} gives {name} twice: {tree[name]} and {value}.')
        tree[name] = value[1:-1] if value[:1] in '"\'' and value[-1:] == value[:1] else value
    return tree


def _flatten(source, tree):
    """(name, value) pairs; a dict under a topic's name, or 'topic.name', is a group."""
    pairs = []
    for name, value in tree.items():
        name = str(name)
        topic, dot, rest = name.partition('.')
        if dot and topic in rows.TOPICS:
            name = rest
        if isinstance(value, dict):
            if name not in rows.TOPICS:
                raise FlagError(f'{source}: {name} is not a group; groups are '
                                f'{", ".join(rows.TOPICS)}.')
            pairs += _flatten(source, value)
        else:
            pairs.append((name, value))
    return pairs
