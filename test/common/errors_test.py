"""The one line of an error that a user sees."""

import pytest

from common.errors import first_line

TRACE = """Graph execution error:

Detected at node 'DecodeImage' defined at (most recent call last):
Node: 'DecodeImage'
Input is empty.
\t [[{{node DecodeImage}}]]"""


@pytest.mark.parametrize('error, line', [
    (ValueError(TRACE), 'Input is empty.'), (ValueError('\n one\ntwo'), 'one'),
    (MemoryError(), 'MemoryError'), (ValueError('x' * 900), 'x' * 200)])
def test_first_line(error, line):
    assert first_line(error) == line
