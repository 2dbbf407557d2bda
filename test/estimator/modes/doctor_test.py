"""--mode=doctor: complete on a good installation, advice on a bad one, nothing written."""

import json
import os

import flags
import main
from estimator.modes import doctor


def test_this_installation_needs_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'x').write_bytes(b'1' * 1000)
    code = main.main(['main.py', '--mode=doctor', '--data_dir=data', '--format=json'])
    rows = json.loads(capsys.readouterr().out)
    assert {row['topic'] for row in rows} >= {'python', 'tensorflow', 'packages', 'device',
                                              'processor', 'memory', 'disk', 'data'}
    assert [row for row in rows if row['advice'] and row['topic'] in ('packages', 'device')] == []
    assert code == int(any(row['advice'] for row in rows))
    assert os.listdir(str(tmp_path)) == ['data']


def test_it_says_what_to_type(tmp_path, monkeypatch, capsys):
    bad = {'numpy': '9.1', 'matplotlib': None}
    monkeypatch.chdir(tmp_path)     # of this machine's disk and settings nothing is to be mended
    monkeypatch.delenv('TF_ENABLE_ONEDNN_OPTS', raising=False)
    monkeypatch.setattr(doctor, 'LITTLE_DISK', 0)
    monkeypatch.setattr(doctor, 'version_of', lambda name: bad.get(name, '0.1'))
    monkeypatch.setattr(doctor, 'LITTLE_MEMORY', 1e18)
    code = doctor.run(None, flags.make(mode='doctor', data_dir='/nowhere', device='gpu'), None)
    said = capsys.readouterr().out
    assert code == 1 and 'numpy 9.1 breaks' in said and '-> pip install numpy==' in said
    assert '-> pip install matplotlib' in said and '--train_batch_size' in said
    assert '/nowhere: no files' in said and '--device=gpu' in said and '5 to mend' in said
