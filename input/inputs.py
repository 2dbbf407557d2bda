"""The face of the data: sizes, classes and input functions of one run."""

import functools
import types

import tensorflow.compat.v1 as tf

from common.errors import DataError
from input import balance, diagnosis, example_order, labels, pipeline, survey
from input import preprocessing as styles
from input.sources import digits, synthetic
from input.sources.source import dataset_of, open_source

# mode -> splits that must be there; other modes need any
NEEDED = {'train': ('train',), 'eval': ('eval',), 'train_and_eval': ('train', 'eval'),
          'lr_find': ('train',)}
# flags that say where the data are; no recipe sets them
OPENS_WITH = ('data_dir', 'dataset', 'train_split', 'eval_split', 'holdout', 'holdout_shards',
              'max_pixels')
SPLIT_FLAGS = {'train': 'train_split', 'eval': 'eval_split'}
WITHOUT = {'train': 'Check --data_dir and --train_split',
           'eval': 'Pass --eval_split=train, or --holdout_shards=N to evaluate on train shards, '
                   'or --mode=train'}


class Inputs:
    """Images of one data set for one network.

    Args:
        params: Params; the rows "data" and seed, mode, num_label_classes.
        preprocessing: style of the network, see preprocessing.STYLES.
        image_size: side of the network's input in pixels.
        native_classes: number of classes the network has by itself.
        source: the sources.Source, where find_data has opened it.

    Attributes:
        num_classes: classes the model must have.
        class_names: their names in that order, or None.
        num_train_images, num_eval_images: exact numbers of examples, 0 without that split.
        image_size: side of the images given out.

    Raises:
        DataError: missing, empty or unusable data.
    """

    def __init__(self, params, preprocessing, image_size, native_classes, source=None):
        self._params = params
        self._style_name, self._style = styles.style_of(params, preprocessing)
        self.image_size = params.input_image_size or image_size
        self._notes, self._class_weights = [], None
        opened = source or open_source(params)
        self._open(opened, native_classes) if opened else self._synthesise(native_classes)
        self.num_train_images = self._counts['train']
        self.num_eval_images = self._counts['eval']
        self._require()

    def _synthesise(self, native_classes):
        params = self._params
        classes = params.num_label_classes or native_classes
        self._where, self._readers = 'synthetic images', {}
        self._rule = labels.LabelRule(classes, 0, 'synthetic', classes, 0)
        self.class_names = None
        self._counts = {'train': params.num_train_images or synthetic.TRAIN_IMAGES,
                        'eval': params.num_eval_images or synthetic.EVAL_IMAGES}
        self.num_classes = classes

    def _open(self, source, native_classes):
        params = self._params
        self._where, self._notes = source.where, list(source.notes)
        self._readers = {
            'train': self._limited(source.train, params.num_train_images, 'num_train_images'),
            'eval': self._limited(source.evaluation, params.num_eval_images, 'num_eval_images')}
        self._counts = {split: reader.count if reader else 0
                        for split, reader in self._readers.items()}
        rows = labels.sample(filter(None, self._readers.values()))
        self._rule = labels.resolve(source, rows, params, native_classes)
        labels.check(self._rule, rows)
        self.num_classes = self._rule.num_classes
        self.class_names = labels.names(self._rule, source.class_names)

    def _limited(self, reader, wanted, flag):
        """The reader, or its first examples where a flag asks for fewer."""
        if reader is None or reader.count == 0:
            return None
        if not wanted or wanted == reader.count:
            return reader
        if wanted > reader.count:
            self._notes.append(f'--{flag}={wanted}, but only {reader.count} examples are there')
            return reader
        self._notes.append(f'--{flag}={wanted}: the first {wanted} of {reader.count} examples')
        return reader.limit(wanted)

    def _require(self):
        for split in NEEDED.get(self._params.mode, ()):
            if not self._counts[split]:
                name = getattr(self._params, SPLIT_FLAGS[split])
                raise DataError(f'{self._where}: 0 examples for --{SPLIT_FLAGS[split]}={name}. '
                                f'{WITHOUT[split]}')

    def describe(self):
        """What `summary` says, as a dict for result.json."""
        rule, style, reader = self._rule, self._style, self._readers.get('train')
        readers = example_order.files_at_a_time(reader, self._params) if reader else None
        return {'source': self._where, 'dataset': dataset_of(self._params),
                'pixel_mean': tuple(style.mean), 'pixel_std': tuple(style.std),
                'crop_min_area': style.area, 'random_flip': style.flip,
                'num_readers': readers,
                'num_train_images': self.num_train_images,
                'num_eval_images': self.num_eval_images, 'dataset_classes': rule.classes,
                'num_classes': rule.num_classes, 'label_offset': rule.offset,
                'label_offset_from': rule.origin, 'preprocessing': self._style_name,
                'image_size': self.image_size, 'notes': list(self._notes)}

    def summary(self):
        """One line for the log."""
        rule = self._rule
        background = ', class 0 is the background' if rule.background else ''
        notes = ''.join(f'; {note}' for note in self._notes)
        return (f'{self._where}: {self.num_train_images} train and {self.num_eval_images} '
                f'evaluation images, {rule.classes} classes{background}, label offset '
                f'{rule.offset} ({rule.origin}), {self._style_name} at {self.image_size}{notes}')

    def class_weights(self):
        """Weights of the classes in the training loss, by --class_weights; None without."""
        wanted = self._params.class_weights
        if wanted is None or 'train' not in self._readers:
            return None
        if self._class_weights is None:
            self._class_weights = balance.weights(wanted, self._readers['train'], self._rule)
        return self._class_weights

    def train_input_fn(self, batch_size, first_example=0):
        """Input function of the endless training stream.

        Args:
            batch_size: examples a batch of the dataset, per input pipeline and step.
            first_example: examples all pipelines together have used before.

        Returns:
            callable(input_context=None) -> dataset of ({'image': float32 [batch, size, size, 3]},
            {'label': int64 [batch]}, with mixup or CutMix also 'target': float32 [batch, classes]).
        """
        return lambda input_context=None: self._train(batch_size, first_example, input_context)

    def _train(self, batch_size, first_example, input_context):
        part = example_order.part_of(input_context)
        return _without_autograph(self._training)(batch_size, first_example, part)

    def _training(self, batch_size, first_example, part):
        if 'train' in self._readers:
            return pipeline.training(self._readers['train'], self._params, self._rule,
                                     self.image_size, self._style, batch_size, part, first_example)
        made = synthetic.batches(self.num_train_images, self.image_size, self.num_classes,
                                 batch_size, self._params.seed, part, first_example)
        return pipeline.finished(made.map(lambda *batch: pipeline.mixed(
            *batch, params=self._params, num_classes=self.num_classes)))

    def eval_input_fn(self, batch_size, full_batches=False, positions=False):
        """Input function of the evaluation: every image once, the last batch as small as it comes.

        full_batches: the last batch is filled up instead, with images of weight 0.
        positions: labels['position'] int64 [batch] says which image of `places` each is.

        Returns:
            callable(input_context=None) -> dataset of ({'image'}, {'label'}) as in training, with
            full batches also labels['weight'], see pipeline.full_batches.
        """
        if not self.num_eval_images:
            raise DataError(f'{self._where}: no evaluation images. {WITHOUT["eval"]}')
        if full_batches:
            return lambda input_context=None: pipeline.full_batches(
                self._eval(batch_size, positions, input_context), batch_size)
        return lambda input_context=None: self._eval(batch_size, positions, input_context)

    def _eval(self, batch_size, positions, input_context):
        part = example_order.part_of(input_context)
        return _without_autograph(self._evaluation)(batch_size, part, positions)

    def _evaluation(self, batch_size, part, positions):
        if 'eval' in self._readers:
            return pipeline.evaluation(self._readers['eval'], self._params, self._rule,
                                       self.image_size, self._style, batch_size, part, positions)
        made = synthetic.batches(self.num_eval_images, self.image_size, self.num_classes,
                                 batch_size, self._params.seed, part)
        return pipeline.finished(made.map(
            functools.partial(pipeline.evaluated, positions=positions)))

    def places(self):
        """(path, record) of each evaluation image, by position; [] for synthetic ones."""
        reader = self._readers.get('eval')
        return survey.places(reader, self._params) if reader else []

    def name(self, path, record):
        """Name of the file that an evaluation record was made from, or None."""
        return self._readers['eval'].name(path, record)

    def survey(self):
        """What a report tells of the image files; see input.survey.look."""
        return survey.look(self._readers, self._rule)

    def shown(self, images):
        """uint8 pixels of normalised images."""
        return styles.shown(images, self._style)

    def explain_failure(self, exception):
        """File, record and reason behind an error of the pipeline, or None when not the data."""
        if not isinstance(exception, tf.errors.OpError):
            return None
        readers = [reader for reader in self._readers.values() if reader]
        return diagnosis.explain(exception, readers, self._rule)


def _without_autograph(function):
    """The function with the loops and conditions in it left as they are written."""
    return tf.autograph.experimental.do_not_convert(function)


def find_data(value):
    """The Source that the flags name, or None without data of the user's.

    value: function of a flag's name that gives its value. DataError: nothing usable there.
    """
    if not value('data_dir') and value('dataset') in (None, 'digits', 'synthetic'):
        return None
    return open_source(types.SimpleNamespace(**{name: value(name) for name in OPENS_WITH}))


def images_of(source, given):
    """Training images of a Source under the user's flags, None without one."""
    if source is None or source.train is None or not source.train.count:
        return None
    return min(source.train.count, given.value('num_train_images') or source.train.count)


def dataset_recipes(given, tuned):
    """[(source, flags)] of the recipe the chosen data set brings along, if it does.

    given: flags.Given; tuned: flags the network sets differently there.
    """
    if given.value('data_dir') or given.value('dataset') not in (None, 'digits'):
        return []
    return [('recipe of the embedded digits', dict(digits.RECIPE, **tuned))]
