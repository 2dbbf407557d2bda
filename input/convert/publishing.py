"""The last step of a conversion: shards to their final names, then dataset.json."""

from common.errors import DataError
from input.convert import shard_writer, staging
from input.records import dataset_json

# What dataset.json says of a shard, out of its sidecar.
_KEYS = ('file', 'num_examples', 'bytes', 'sha256')


def publish(output, known, name, settings, sidecars):
    """Publishes finished shards; returns the content of dataset.json.

    Args:
        output: the folder.
        known: content of its dataset.json or None; its other splits stay.
        name: of the data set, where `known` has none.
        settings: shard_writer.ShardSettings, of which texts and label_offset are used.
        sidecars: {split: [sidecar]} in the order of the shards.

    Raises:
        DataError: a split without one good image.
    """
    splits = dict(known['splits']) if known else {}
    for split, rows in sidecars.items():
        count = sum(row['num_examples'] for row in rows)
        if not count:
            raise DataError(f'not one good {split} image in {settings.root}; nothing was published')
        splits[split] = {
            'num_examples': count,
            'fingerprint': shard_writer.combined(row['fingerprint'] for row in rows),
            'shards': [{key: row[key] for key in _KEYS} for row in rows]}
    staging.publish(output, [row['file'] for rows in sidecars.values() for row in rows])
    dataset_json.write(output, known['name'] if known else name, settings.texts,
                       settings.label_offset, splits)
    staging.discard(output)
    return dataset_json.read(output)
