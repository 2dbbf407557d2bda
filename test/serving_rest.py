"""What TensorFlow Serving answers to a REST request, by its specification, without the server.

Source: tensorflow/serving, g3doc/api_rest.md: the row format ("instances"), base64 objects, names
that end in `_bytes`.
"""

import base64
import json

import numpy as np
import tensorflow.compat.v1 as tf


def predict(path, text):
    """The answer, as text, to the body `text` of POST /v1/models/NAME:predict; path: SavedModel.

    Raises ValueError where the specification asks for something else.
    """
    body = json.loads(text)
    if set(body) - {'signature_name', 'instances'} or not body['instances']:
        raise ValueError(f'not in the row format: {sorted(body)}')
    with tf.Session(graph=tf.Graph()) as session:
        signatures = tf.saved_model.load(
            session, [tf.saved_model.tag_constants.SERVING], path).signature_def
        signature = signatures[body.get('signature_name', 'serving_default')]
        if signature.method_name != 'tensorflow/serving/predict':
            raise ValueError(f'{signature.method_name} is not for :predict')
        feeds = {signature.inputs[name].name: values for name, values in
                 _columns(body['instances'], signature.inputs).items()}
        found = session.run({name: info.name for name, info in signature.outputs.items()}, feeds)
    if {len(values) for values in found.values()} != {len(body['instances'])}:
        raise ValueError('outputs of another first extent cannot be told in rows')
    rows = [{name: _told(name, values[place]) for name, values in found.items()}
            for place in range(len(body['instances']))]
    return json.dumps({'predictions': rows if len(found) > 1 else [
        value for row in rows for value in row.values()]})


def _columns(instances, inputs):
    """{input: array of all rows}; rows are objects by name, or values where one input is."""
    named = isinstance(instances[0], dict) and 'b64' not in instances[0]
    if not named and len(inputs) != 1:
        raise ValueError('several inputs need names')
    rows = instances if named else [dict.fromkeys(inputs, row) for row in instances]
    if any(set(row) != set(inputs) for row in rows):
        raise ValueError(f'the inputs are {sorted(inputs)}')
    return {name: np.array([_plain(row[name]) for row in rows],
                           tf.as_dtype(info.dtype).as_numpy_dtype)
            for name, info in inputs.items()}


def _plain(value):
    if isinstance(value, dict):
        return base64.b64decode(value['b64'], validate=True)
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _told(name, value):
    """A value as JSON has it; bytes are text unless their name says otherwise."""
    if isinstance(value, bytes):
        return ({'b64': base64.b64encode(value).decode()} if name.endswith('_bytes')
                else value.decode('utf-8'))
    return np.asarray(value).tolist()
