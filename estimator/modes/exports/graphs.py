"""A trained network as a TensorFlow graph: SavedModel, and constants only."""

import tensorflow.compat.v1 as tf

from estimator.checkpoints.foreign.graph_file import in_order, source_of
from estimator.modes import trained_network as trained_lib

IMAGES, LOGITS, PROBABILITIES, CLASSES = 'images', 'logits', 'softmax_tensor', 'classes'
# Never folded: what they give is fed, or is another thing at each run.
_FED = ('Placeholder', 'PlaceholderWithDefault')


def write_saved_model(path, trained, serving):
    """The SavedModel with its signatures; any number of images."""
    with tf.Graph().as_default():
        encoded = tf.placeholder(tf.string, [None], name='image_bytes')
        decoded = tf.map_fn(serving.preprocess_for_serving, encoded, dtype=tf.float32,
                            back_prop=False)
        images = tf.placeholder_with_default(
            decoded, [None, trained.size, trained.size, 3], name=IMAGES)
        outputs = trained_lib.build(trained, images)
        make = tf.saved_model.predict_signature_def
        results = {key: outputs[key] for key in ('classes', 'probabilities')}
        if trained.class_names:
            names = tf.constant(trained.class_names)
            results['class_names'] = tf.gather(names, outputs['classes'], name='class_names')
        classify = make({'image_bytes': encoded}, results)
        pixels = make({'images': images}, {key: outputs[key] for key in
                                           ('logits', 'probabilities')})
        with trained_lib.new_session(trained) as session:
            trained_lib.restore(trained, session)
            builder = tf.saved_model.Builder(path)
            builder.add_meta_graph_and_variables(
                session, [tf.saved_model.tag_constants.SERVING],
                {'serving_default': classify, 'classify': classify, 'images': pixels},
                strip_default_attrs=True)
            builder.save()


def frozen(trained, batch):
    """GraphDef from IMAGES to LOGITS, PROBABILITIES and CLASSES without variables.

    Batch norm is folded: what does not depend on the images is a constant. batch: None for any.
    """
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [batch, trained.size, trained.size, 3], name=IMAGES)
        outputs = trained_lib.build(trained, images)
        with trained_lib.new_session(trained) as session:
            trained_lib.restore(trained, session)
            return portable(folded(tf.graph_util.convert_variables_to_constants(
                session, graph.as_graph_def(), [tensor.op.name for tensor in outputs.values()])))


def portable(definition):
    """A GraphDef without attributes that are as by default: older readers do not know them all."""
    with tf.Graph().as_default():
        return tf.train.export_meta_graph(
            graph_def=definition, strip_default_attrs=True).graph_def


def folded(definition):
    """A GraphDef without variables, with everything computed that depends on constants alone.

    Nodes come in the order in which they are computed; a folded one keeps its name.
    """
    nodes = in_order(definition)
    fixed = set()
    for node in nodes:
        sources = [source_of(name) for name in node.input]
        if node.op == 'Const' or (sources and node.op not in _FED
                                  and all(name in fixed for name, _ in sources)):
            fixed.add(node.name)
    used = {source_of(name) for node in nodes if node.name not in fixed for name in node.input}
    wanted = sorted(source for source in used if source[0] in fixed)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(definition, name='')
        values = dict(zip(wanted, session.run([f'{name}:{index}' for name, index in wanted])))
    result = tf.GraphDef(versions=definition.versions)
    for (name, index), value in values.items():
        constant = result.node.add(name=_constant_name(name, index), op='Const')
        constant.attr['dtype'].type = tf.as_dtype(value.dtype).as_datatype_enum
        constant.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(value))
    for node in nodes:
        if node.name not in fixed:
            kept = result.node.add()
            kept.CopyFrom(node)
            for place, name in enumerate(node.input):
                if source_of(name) in values:
                    kept.input[place] = _constant_name(*source_of(name))
    return result


def _constant_name(name, index):
    return f'{name}/{index}' if index else name
