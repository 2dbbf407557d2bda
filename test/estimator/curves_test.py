"""log.csv and eval.csv: damage, other columns, a full disk, a spreadsheet."""

import resource

import pytest

from estimator import curves
from estimator.hooks import progress

COLUMNS = progress.COLUMNS
ROWS = [dict.fromkeys(COLUMNS, n) for n in (1, 2, 3)]


def content(path):
    with open(path, 'rb') as stream:
        return stream.read()


@pytest.mark.parametrize('tail', ['4,0.1,2.', '4,0.1,2.5,1,1,1,1,1,1,1\n', '\x00\x00\n', 'x' * 9,
                                  'nan,1,1,1,1,1,1,1\n'], ids=repr)
def test_a_damaged_curve_is_repaired(tmp_path, capsys, tail):
    path = str(tmp_path / 'log.csv')
    for row in ROWS:
        curves.append(path, COLUMNS, row)
    with open(path, 'a') as stream:
        stream.write(tail)
    curves.trim(path, COLUMNS, 3)
    assert 'was damaged' in capsys.readouterr().err
    assert [row['step'] for row in curves.read(path)] == [1, 2, 3]
    assert tail.encode() in content(path + '.damaged')
    curves.put(path, COLUMNS, dict(ROWS[0], step=2))
    assert [row['step'] for row in curves.read(path)] == [1, 2, 3]
    assert capsys.readouterr().err == ''


def test_a_curve_of_an_earlier_version_gets_the_columns_of_today(tmp_path, capsys):
    """Eight columns, as before input_wait; gone on with by a version that left the header."""
    path = str(tmp_path / 'log.csv')
    old = ','.join(COLUMNS[:8]) + '\n1,0.1,2,2,0.5,0.1,9,1\n2,0.2,2,2,0.5,0.1,9,2\n'
    with open(path, 'w') as stream:
        stream.write(old + '3,0.3,1,1,0.5,0.1,9,3,0.25\n4,0.4,1,1,0.5,0.1,9,4,0.25\n')
    curves.trim(path, COLUMNS, 3)
    curves.append(path, COLUMNS, dict(ROWS[0], step=4))
    captured = capsys.readouterr()
    assert captured.err == '' and captured.out.count('\n') == 1
    assert 'had other columns: its 4 rows are kept' in captured.out
    assert [(row['step'], row['seconds'], row['input_wait']) for row in curves.read(path)] == [
        (1, 1, ''), (2, 2, ''), (3, 3, 0.25), (4, 1, 1)]
    assert content(path + '.old').startswith(old.encode())
    curves.trim(path, COLUMNS, 4)
    assert capsys.readouterr() == ('', '')


@pytest.mark.parametrize('text', ['', '\n', 'a,b\n1,2\n', '\x00' * 99], ids=repr)
def test_a_file_that_is_no_curve_is_set_aside(tmp_path, text):
    path = str(tmp_path / 'log.csv')
    with open(path, 'w') as stream:
        stream.write(text)
    curves.trim(path, COLUMNS, 3)
    curves.append(path, COLUMNS, ROWS[0])
    assert [row['step'] for row in curves.read(path)] == [1]


def test_a_full_disk_costs_a_row_not_the_file(tmp_path, capsys):
    path = str(tmp_path / 'log.csv')
    curves.append(path, COLUMNS, ROWS[0])
    before = content(path)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 3, unlimited[1]))  # half a line
    try:
        curves.append(path, COLUMNS, ROWS[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert content(path) == before and 'the row of step 2 is lost' in capsys.readouterr().err


def test_a_curve_that_was_in_a_spreadsheet_is_read(tmp_path, capsys):
    """A mark of the byte order before the header; lines end with a line feed alone."""
    path = str(tmp_path / 'log.csv')
    curves.append(path, COLUMNS, ROWS[0])
    with open(path, 'rb+') as stream:
        text = stream.read().replace(b'\r\n', b'\n')
        stream.seek(0)
        stream.write(b'\xef\xbb\xbf' + text)
        stream.truncate()
    curves.trim(path, COLUMNS, 1)
    curves.append(path, COLUMNS, ROWS[1])
    assert capsys.readouterr() == ('', '')
    assert [row['step'] for row in curves.read(path)] == [1, 2]
