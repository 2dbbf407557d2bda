"""What a run keeps of its evaluations and of its record belongs together, whatever changes."""

import json

import program
import pytest

from common.errors import CheckpointError
from estimator import curves, evaluations
from estimator.checkpoints import best
from estimator.modes import evaluate, trained_network
from input import Inputs

pytestmark = pytest.mark.usefixtures('shallow')


@pytest.fixture
def copy(tmp_path):
    """Two checkpoints of 32 pixels, evaluated."""
    folder = tmp_path / 'run'
    folder.mkdir()
    program.trained(folder, train_steps=4, steps_per_eval=2)
    return folder


@pytest.fixture
def named(monkeypatch):
    """The classes of the data have names: the digits."""
    monkeypatch.setattr(Inputs, 'class_names', property(
        lambda self: list('0123456789'), lambda self, value: None), raising=False)


def labels(names):
    return ''.join(f'{number}:{name}\n' for number, name in enumerate(names))


def test_the_best_of_one_image_size_is_not_that_of_another(copy, capsys):
    assert 'image_size = 32\n' in (copy / 'archive' / 'best_eval.txt').read_text()
    perfect = (copy / 'archive' / 'best_eval.txt').read_text().replace(
        'top_1_accuracy = ', 'top_1_accuracy = 1')
    (copy / 'archive' / 'best_eval.txt').write_text(perfect)
    program.run(copy, train_steps=6, steps_per_eval=2, input_image_size=40)
    said = capsys.readouterr().err
    assert 'found on 10 images of 32 pixels and this evaluation is of 10 images of 40' in said
    assert best.BestKeeper(str(copy)).best()[2].endswith('archive/model.ckpt-6')
    assert (copy / 'earlier-1' / 'archive' / 'best_eval.txt').read_text() == perfect
    record = json.loads((copy / 'earlier-1' / 'params.json').read_text())
    assert (record['input_image_size'], record['model_name']) == (32, 'mobilenet_v1_025')
    assert [row['image_size'] for row in curves.read(str(copy / 'eval.csv'))] == [32, 32, 40]


def test_patience_counts_evaluations_of_one_kind(tmp_path):
    def stopped(*kinds):
        rows = [f'{step},{1 / step},{kind}' for step, kind in enumerate(kinds, 1)]
        (tmp_path / 'eval.csv').write_text('\n'.join(
            ['step,top_1_accuracy,eval_examples,image_size'] + rows) + '\n')
        return evaluations.stopped(str(tmp_path), 'top_1_accuracy', 2, 1)
    assert stopped('10,32', '10,32', '10,32') == (1, 1.0)
    assert stopped('10,32', '10,', '10,32') == (1, 1.0)     # a row of an earlier version
    assert stopped('10,32', '10,40', '10,40') is None
    assert stopped('20,32', '10,32', '10,32') is None
    assert stopped('10,32', '10,40', '10,40', '10,40') == (2, 0.5)


def test_a_run_that_trains_nothing_leaves_the_record_of_the_one_that_did(copy):
    names = 'params.json', 'eval.csv'
    before = [(copy / name).read_bytes() for name in names]
    _, result = program.run(copy, train_steps=3, steps_per_eval=2, train_batch_size=16)
    assert [(copy / name).read_bytes() for name in names] == before
    assert (result['global_step'], result['global_batch'], result['examples_seen']) == (4, 8, 32)


def test_an_evaluation_of_other_images_is_none_of_the_finished_run(copy, capsys):
    before = (copy / 'eval.csv').read_bytes(), (copy / 'archive' / 'best_eval.txt').read_bytes()
    _, result = program.run(copy, train_steps=4, steps_per_eval=2, input_image_size=40)
    assert result['image_size'] == 40
    assert 'image_size 32 in the training, 40 here' in capsys.readouterr().err
    assert before == (
        (copy / 'eval.csv').read_bytes(), (copy / 'archive' / 'best_eval.txt').read_bytes())


def test_names_of_classes_are_those_of_the_training(copy, named, capsys):
    (copy / 'labels.txt').write_text(labels('9876543210'))
    program.run(copy, train_steps=4, steps_per_eval=2)
    assert (copy / 'labels.txt').read_text() == labels('9876543210')
    assert 'other class names than' in capsys.readouterr().err


def test_a_training_that_went_over_to_another_size_is_left_alone_by_its_evaluator(
        copy, monkeypatch):
    """It looks at the record before each evaluation counts, not at its start."""
    real = evaluate.Job.evaluate

    def evaluated(job, prefix, collect=None):
        metrics = real(job, prefix, collect)
        if prefix.endswith('-4'):       # a trainer begins again meanwhile
            record = json.loads((copy / 'params.json').read_text())
            record['resolved']['image_size'] = 40
            (copy / 'params.json').write_text(json.dumps(record))
        return metrics
    monkeypatch.setattr(evaluate.Job, 'evaluate', evaluated)
    (copy / 'eval.csv').unlink()
    program.run(copy, mode='eval', eval_all=True, save_summary_steps=None)
    assert [row['step'] for row in curves.read(str(copy / 'eval.csv'))] == [0, 2]


def test_without_a_record_the_best_tells_what_an_evaluation_belongs_to(copy, capsys):
    (copy / 'params.json').unlink()
    before = (copy / 'archive' / 'best_eval.txt').read_bytes()
    program.run(copy, mode='eval', init_checkpoint=str(copy / 'model.ckpt-2'), input_image_size=40)
    assert 'image_size 32.0 in the training, 40 here' in capsys.readouterr().err
    assert (copy / 'archive' / 'best_eval.txt').read_bytes() == before
    program.run(copy, train_steps=4, steps_per_eval=2)
    assert json.loads((copy / 'params.json').read_text())['resolved']['train_steps'] == 4


def test_a_folder_named_archive_is_a_run_like_any_other(copy):
    folder = copy / 'archive'
    program.run(folder, train_steps=6, steps_per_eval=6, input_image_size=40)
    assert [row['step'] for row in curves.read(str(folder / 'eval.csv'))] == [6]
    assert best.BestKeeper(str(folder)).best()[2]


def test_the_record_of_the_best_is_found_however_its_folder_is_written(copy, monkeypatch):
    monkeypatch.chdir(str(copy / 'archive'))
    for path in (copy / 'archive', f'{copy}/archive/', f'{copy}/archive/model.ckpt-4', '.',
                 'model.ckpt-4', '..', copy, f'{copy}/model.ckpt-2'):
        assert trained_network.folder_of(str(path), '') == str(copy)
    assert trained_network.folder_of(None, 'run') == 'run'


def test_what_cannot_be_copied_leaves_the_best_in_its_place(copy):
    before = best.BestKeeper(str(copy)).best()
    with pytest.raises(CheckpointError, match='removed meanwhile'):
        best.BestKeeper(str(copy)).offer(str(copy / 'model.ckpt-3'), {
            'top_1_accuracy': 1., 'cross_entropy': 0., 'image_size': 40, 'eval_examples': 10})
    assert best.BestKeeper(str(copy)).best() == before and not (copy / 'earlier-1').exists()


def test_a_failed_start_leaves_the_names_of_the_classes(copy, named):
    (copy / 'labels.txt').write_text('1:one\n2:two\n')
    with pytest.raises(CheckpointError, match='another optimizer'):
        program.run(copy, mode='train', train_steps=6, optimizer='adam')
    assert (copy / 'labels.txt').read_text() == '1:one\n2:two\n'


def test_data_that_lie_elsewhere_are_still_the_run_s(copy):
    """A cluster gives each start another folder: the evaluation it made up for counts."""
    record = json.loads((copy / 'params.json').read_text())
    record['resolved']['data'] = '/scratch/1/digits'
    (copy / 'params.json').write_text(json.dumps(record))
    rows = (copy / 'eval.csv').read_bytes()
    (copy / 'eval.csv').write_text(''.join(rows.decode().splitlines(True)[:-1]))
    program.run(copy, train_steps=4, steps_per_eval=2)
    assert (copy / 'eval.csv').read_bytes() == rows


@pytest.mark.parametrize('names, head, told', [
    ('9876543210', {}, True),
    ('9876543210', {'init_exclude': 'MobilenetV1/Logits/Conv2d_1c_1x1/'}, False)])
def test_a_classifier_of_other_classes_is_told(copy, tmp_path, named, capsys, names, head, told):
    (copy / 'labels.txt').write_text(labels(names))
    program.run(tmp_path / 'new', mode='train', train_steps=1,
                init_checkpoint=str(copy / 'model.ckpt-4'), **head)
    said = capsys.readouterr().err
    assert ('names other classes than the data' in said) == told
    assert ('--init_exclude=MobilenetV1/Logits/Conv2d_1c_1x1/ starts it anew' in said) == told
