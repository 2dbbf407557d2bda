"""From a folder of photographs to a trained network by the lines the tools print."""

import shlex

import image_tools as tools
import program
import pytest

import main

pytestmark = pytest.mark.usefixtures('shallow')


def test_the_converters_next_line_trains_on_what_it_wrote(tmp_path, capsys):
    """The printed command runs; only the network, its size and the length are made small."""
    root = tools.tree(tmp_path / 'my photos', ('ant', 'bee', 'cat'), images=4)
    assert tools.run(f'--input_dir={root}', f'--output_dir={tmp_path}/records', '--workers=1') == 0
    said = capsys.readouterr().out
    assert '1 of 12 images are held out' in said
    words = shlex.split(said.split('next: ')[1].splitlines()[0])
    assert words[:3] == ['python', 'main.py', '--model_name=mixnet-s']
    small = ['--model_name=mobilenet_v1_025', '--input_image_size=32', f'--model_dir={tmp_path}/m']
    assert main.main(['main.py'] + small + words[3:] + ['--train_steps=2']) == 0
    result = program.result_of(tmp_path / 'm')
    assert result['params']['recipe'] == 'small'
    assert (result['status'], result['global_step'], result['eval_examples']) == ('completed', 2, 1)
    capsys.readouterr()
    assert main.main(['main.py'] + small + [f'--data_dir={tmp_path}/records', '--mode=eval']) == 0
    assert '11 train and 1 evaluation images, 3 classes' in capsys.readouterr().out
