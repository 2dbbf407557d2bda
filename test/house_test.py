"""The rules of the house, checked on the syntax trees."""

import ast
import functools
import glob
import os
import re

import long_files
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# package -> packages it may import besides itself
MAY_IMPORT = {'common': set(), 'flags': {'common'}, 'input': {'common'}, 'estimator': {'common'},
              'launchers': {'common'}, 'models': {'common'},
              'compat': {'common', 'estimator', 'flags', 'launchers'}}
PACKAGES = tuple(MAY_IMPORT)
SOURCES = sorted(path for package in PACKAGES
                 for path in glob.glob(os.path.join(ROOT, package, '**', '*.py'), recursive=True))
SOURCES += [os.path.join(ROOT, name) for name in ('main.py', 'convert_tfrecord.py')]


@functools.lru_cache(None)
def tree_of(path):
    with open(path) as stream:
        return ast.parse(stream.read())


def imported(tree):
    """Full names of the modules a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def relative(path):
    return os.path.relpath(path, ROOT)


@pytest.mark.parametrize('path', SOURCES, ids=relative)
def test_layering(path):
    package = relative(path).split(os.sep)[0]
    names = set(imported(tree_of(path)))
    if package in MAY_IMPORT:
        others = {name.split('.')[0] for name in names} & set(PACKAGES)
        assert others <= MAY_IMPORT[package] | {package}
    if package != 'flags':
        assert not any(name.startswith('absl.flags') for name in names)
    if relative(path) != os.path.join('estimator', 'devices', 'npu.py'):
        assert not any(name.startswith('npu_bridge') for name in names)
    assert not any('contrib' in name for name in names)


def test_every_package_was_looked_at():
    assert {relative(path).split(os.sep)[0] for path in SOURCES} > set(PACKAGES)


@pytest.mark.parametrize('path', SOURCES, ids=relative)
def test_sizes(path):
    with open(path) as stream:
        lines = stream.read().splitlines()
    assert len(lines) <= (320 if os.path.basename(path) == 'autoaugment.py' else 250)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef):
            last = max(getattr(inner, 'lineno', node.lineno) for inner in ast.walk(node))
            assert last - node.lineno < 60, node.name


@pytest.mark.parametrize('path', SOURCES, ids=relative)
def test_every_public_function_and_module_says_what_it_is(path):
    tree = tree_of(path)
    if not path.endswith('__init__.py') or tree.body:
        assert ast.get_docstring(tree)
    short = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
             and not node.name.startswith('_') and not ast.get_docstring(node)
             and len(node.body) > 2}
    assert short == set()


def test_the_longest_test_files_exist():
    assert [path for path in long_files.LONG if not os.path.exists(os.path.join(ROOT, path))] == []


def test_launchers_are_small_and_edit_nothing():
    places = ('*.sh', os.path.join('test', '*.sh'), os.path.join('compat', '**', '*.sh'))
    for path in sum((glob.glob(os.path.join(ROOT, one), recursive=True) for one in places), []):
        with open(path) as stream:
            text = stream.read()
        assert len(text.splitlines()) <= 25 and not re.search(r'sed -i|rm -rf', text)


def test_a_name_of_a_class_means_one_thing():
    found = {}
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            named = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and (
                getattr(node.value.func, 'attr', getattr(node.value.func, 'id', '')))
            names = ([node.name] if isinstance(node, ast.ClassDef)
                     else [node.targets[0].id] if named == 'namedtuple' else [])
            for name in names:
                found.setdefault(name, []).append(relative(path))
    assert {name: paths for name, paths in found.items()
            if len(paths) > 1 and not name.startswith('_')} == {}
