"""The tables: no name twice, no dead flag, documentation current, recipes made of flags."""

import ast
import glob
import os
import re

import pytest

import flags
from flags import legacy, levels, rows, spec
from flags.conversions import RULES

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
READ_INSIDE_FLAGS = {'config_file', 'params_override', 'defaults'}


def test_no_name_twice():
    names = [row.name for table in (rows.ROWS, legacy.ALIASES, legacy.OLD) for row in table]
    assert sorted(names) == sorted(set(names)) == sorted(levels.all_names())


@pytest.mark.parametrize('row', rows.ROWS, ids=lambda row: row.name)
def test_row_accepts_its_default(row):
    assert row.kind in spec.KINDS and row.help.endswith('.')
    if row.default is not None:
        assert spec.convert(row, row.default) == row.default
        assert spec.convert(row, str(row.default)) == row.default or row.kind == 'list'


def test_aliases_lead_somewhere():
    for alias in legacy.ALIASES:
        assert alias.to in rows.BY_NAME
        assert not isinstance(alias.rule, str) or alias.rule in RULES
    for row in legacy.OLD:
        assert row.why.endswith('.') and row.action in (legacy.REFUSE, legacy.WARN)


def test_schedules_and_optimizers_are_those_that_exist():
    optimizers = pytest.importorskip('estimator.training.optimizers')
    schedules = pytest.importorskip('estimator.training.schedules')
    assert set(rows.BY_NAME['lr_schedule'].choices) == set(schedules.SCHEDULES)
    assert set(rows.BY_NAME['optimizer'].choices) == set(optimizers.OPTIMIZERS)


def test_recipes_are_made_of_flags():
    models = pytest.importorskip('models')
    for name in models.network_names():
        network = models.get_network(name)
        for recipe, values in network.recipes.items():
            made = flags.merge(None, [(f'recipe {recipe} of {name}', values)])
            assert made.optimizer and made.lr_schedule and made.train_batch_size
        flags.merge(None, [(f'digits, {name}', dict(network.on_digits))])
        assert set(network.arguments) <= set(flags.Params._fields)


def names_read(path):
    """Flags a file reads: params.NAME (main.py's first look: first.NAME), and names in tuples,
    lists and call arguments."""
    with open(path) as source:
        tree = ast.parse(source.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            if {'params', 'first'} & {getattr(owner, 'id', ''), getattr(owner, 'attr', '')}:
                yield node.attr
        items = getattr(node, 'elts', []) + (node.args if isinstance(node, ast.Call) else [])
        for item in items:
            value = getattr(item, 's', None)
            if isinstance(value, str):
                yield value


def test_no_dead_flag():
    models = pytest.importorskip('models')
    found = set(READ_INSIDE_FLAGS)
    for folder in ('', 'models', 'input', 'estimator'):
        for path in glob.glob(os.path.join(ROOT, folder, '**', '*.py'), recursive=True):
            found.update(names_read(path))
    for name in models.network_names():
        found.update(models.get_network(name).arguments)
    dead = [name for name in rows.BY_NAME if name not in found]
    assert not dead, f'flags that nothing reads: {", ".join(dead)}'


def test_documentation_is_current():
    from flags.explain import markdown
    with open(os.path.join(ROOT, 'docs', 'flags.md')) as stored:
        assert stored.read() == markdown(), (
            'write it again: python -m flags --markdown > docs/flags.md')


def test_flags_import_no_tensorflow():
    for path in glob.glob(os.path.join(ROOT, 'flags', '*.py')):
        with open(path) as source:
            text = source.read()
        assert not re.search(r'(import|from) tensorflow', text), path
        assert len(text.splitlines()) <= 250, path
