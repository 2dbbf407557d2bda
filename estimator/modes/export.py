"""`--mode=export`: SavedModel, frozen graph and TFLite files of a network, compared with it.

Files in --export_dir, as the TPU originals name them where they write them:

    saved_model/                 signatures classify and serving_default: encoded images [n] ->
                                 classes, probabilities; images: normalised pixels
                                 [n, size, size, 3] -> logits, probabilities
    <model_name>.pb              frozen graph: images [n, size, size, 3] -> logits, softmax_tensor
    <model_name>.tflite          float, batch 1: images -> logits
    <model_name>_postquant.tflite   the same with 8-bit weights (--post_quantize)
    labels.txt, preprocessing.json, export.json

NOTE: the graphs are always float32 and the averaged weights are stored under the plain names, for
CondConv too, whose original exported the raw ones.
"""

import os
import shutil

import tensorflow.compat.v1 as tf

from common import files, labels_file
from common.console import say, warn
from common.errors import ProgramError
from estimator import results
from estimator.checkpoints import reading as checkpoints
from estimator.checkpoints import weights
from estimator.modes import export_check, tflite
from estimator.modes import trained_network as trained_lib

STAGING = '.export-unfinished'
AGREEMENT = 0.95       # of the likeliest class; less is said aloud


def run(network, params, open_serving):
    """Exports and compares; returns the exit code, 1 when a file computes something else."""
    serving = open_serving()
    trained = trained_lib.find(network, params, serving.image_size,
                               lambda prefix: weights.to_export(
                                   params.export_moving_average, prefix))
    files.make_folder(params.export_dir)
    say(f'exporting  {network.name}, {trained.num_classes} classes, step '
        f'{checkpoints.step_of(trained.prefix)}, {trained.weights} weights ({trained.prefix})')
    folder = os.path.join(params.export_dir, STAGING)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    try:
        rows = write_files(folder, trained, serving)
        report = _report(trained, serving, rows)
        files.write_json(os.path.join(folder, 'export.json'), report)
        _publish(folder, params.export_dir)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _say(params.export_dir, report)
    return 0 if report['ok'] else 1


def write_files(folder, trained, serving):
    """Writes everything but export.json; returns {file: row of the comparison}."""
    against = export_check.reference(trained, serving)
    name = os.path.join(folder, trained.network.name)
    if trained.class_names:
        labels_file.write(folder, trained.class_names)
    files.write_json(os.path.join(folder, 'preprocessing.json'), serving.describe())
    path = os.path.join(folder, 'saved_model')
    write_saved_model(path, trained, serving)
    rows = export_check.saved_model(path, trained, against)
    frozen, names = freeze(trained, None)
    _write(f'{name}.pb', frozen.SerializeToString())
    rows[f'{trained.network.name}.pb'] = export_check.frozen_graph(
        f'{name}.pb', names, trained, against)
    frozen, names = freeze(trained, 1)      # batch 1, so that TFLite knows every shape
    for quantised in (False, True)[:1 + bool(trained.params.post_quantize)]:
        path = f'{name}_postquant.tflite' if quantised else f'{name}.tflite'
        rows[os.path.basename(path)] = _write_tflite(path, frozen, names, against, quantised)
    for row in rows.values():
        row['compared_on'] = against.source
    return rows


def _write_tflite(path, frozen, names, against, quantised):
    """Row of the report; a network TFLite cannot express does not take the other files along."""
    try:
        _write(path, tflite.convert(frozen, *names, quantised))
    except ProgramError as error:
        return {'ok': False, 'error': str(error)}
    return export_check.tflite_file(path, against, quantised)


def write_saved_model(path, trained, serving):
    """The SavedModel with both signatures; any number of images."""
    with tf.Graph().as_default():
        encoded = tf.placeholder(tf.string, [None], name='image_bytes')
        decoded = tf.map_fn(serving.preprocess_for_serving, encoded, dtype=tf.float32,
                            back_prop=False)
        images = tf.placeholder_with_default(
            decoded, [None, trained.size, trained.size, 3], name='images')
        outputs = trained_lib.build(trained, images)
        make = tf.saved_model.predict_signature_def
        classify = make({'image_bytes': encoded}, {key: outputs[key] for key in
                                                   ('classes', 'probabilities')})
        pixels = make({'images': images}, {key: outputs[key] for key in
                                           ('logits', 'probabilities')})
        with trained_lib.new_session(trained) as session:
            trained_lib.restore(trained, session)
            builder = tf.saved_model.Builder(path)
            builder.add_meta_graph_and_variables(
                session, [tf.saved_model.tag_constants.SERVING],
                {'serving_default': classify, 'classify': classify, 'images': pixels})
            builder.save()


def freeze(trained, batch):
    """(GraphDef with the weights as constants, names of its images and logits)."""
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [batch, trained.size, trained.size, 3], name='images')
        outputs = trained_lib.build(trained, images)
        with trained_lib.new_session(trained) as session:
            trained_lib.restore(trained, session)
            frozen = tf.graph_util.convert_variables_to_constants(
                session, graph.as_graph_def(),
                [outputs[key].op.name for key in ('logits', 'probabilities', 'classes')])
    return frozen, (images.name, outputs['logits'].name)


def _write(path, content):
    with open(path, 'wb') as stream:
        stream.write(content)


def _report(trained, serving, rows):
    """export.json."""
    return {'model_name': trained.network.name, 'checkpoint': trained.prefix,
            'global_step': checkpoints.step_of(trained.prefix), 'weights': trained.weights,
            'num_classes': trained.num_classes, 'preprocessing': serving.describe(),
            'ok': all(row['ok'] for row in rows.values()), 'parity': rows,
            'versions': results.versions()}


def _publish(folder, export_dir):
    """Moves finished files to their place; what an earlier export left there is replaced."""
    for entry in sorted(os.listdir(folder)):
        target = os.path.join(export_dir, entry)
        if os.path.isdir(target):
            shutil.rmtree(target)
        os.replace(os.path.join(folder, entry), target)


def _say(export_dir, report):
    width = max(len(name) for name in report['parity'])
    for name, row in report['parity'].items():
        if 'error' in row:
            warn(f'{name} is missing: {row["error"]}')
            continue
        verdict = 'ok' if row['ok'] else f'FAILED, {row["allowed"]:.2g} is allowed'
        say(f'{name:{width}}  differs by {row["max_abs_difference"]:.1e} at most (values up to '
            f'{row["largest_value"]:.2g}), same class {row["top_1_agreement"]:.1%} of '
            f'{row["images"]}: {verdict}')
        if row['top_1_agreement'] < AGREEMENT:
            warn(f'{name} often names another class on {row["compared_on"]}; judge it on images of '
                 'yours: --data_dir=IMAGES')
    say(f'exported   {export_dir}' if report['ok'] else
        f'exported   {export_dir}, but see above: not every file is good')
