"""Scopes are matched by whole parts of a name."""

import pytest

from common.errors import FlagError
from common.scopes import inside, matching

NAMES = ['Net/Conv/weights', 'Net/Conv_1/weights', 'Net/Conv/BatchNorm/gamma', 'Net/Logits/biases']


@pytest.mark.parametrize('scope, count', [
    ('Net/Conv', 2), ('Net/Conv/', 2), ('Net', 4), ('Net/Conv/weights', 1), ('Net/Conv_1', 1)])
def test_whole_parts(scope, count):
    assert sum(inside(name, [scope]) for name in NAMES) == count
    assert len(matching(NAMES, [scope, 'Net/Logits'], 'freeze')) in (count, count + 1)


@pytest.mark.parametrize('scope', ['Conv', 'backbone', 'Net/Con', '', 'Net/Conv/weight'])
def test_no_match_is_refused(scope):
    assert not any(inside(name, [scope]) for name in NAMES)
    with pytest.raises(FlagError, match='names no scope .*Net'):
        matching(NAMES, [scope], 'freeze')


def test_nothing_is_inside_nothing():
    assert not inside('Net/Conv', ()) and matching(NAMES, (), 'freeze') == []
