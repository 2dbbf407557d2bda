"""Where images come from and what is done to them before the network."""

from flags.spec import Row

SOURCES = ('tfrecord', 'folder', 'tfds:NAME', 'synthetic', 'digits')

ROWS = (
    Row('data_dir', 'str', None, 'Folder of the data, or images to predict or to compare an '
        'export on: a file, folder, pattern, or - for paths on the standard input; without it the '
        'embedded digits are used.'),
    Row('dataset', 'str', None, 'Kind of source (default: tfrecord with data_dir, else digits); '
        "MindSpore's imagenet2012 means folder and cifar10 tfrecord.", SOURCES),
    Row('train_split', 'str', 'train', 'Name of the training split.'),
    Row('eval_split', 'str', 'validation', 'Name of the evaluation split.'),
    Row('train_batch_size', 'int', None, 'Images a step on each device.', None, 1),
    Row('eval_batch_size', 'int', None, 'Images a batch in evaluation.', None, 1),
    Row('num_train_images', 'int', None, 'Training images, when the data do not say.', None, 1),
    Row('num_eval_images', 'int', None, 'Evaluation images, when the data do not say; predict: '
        'only so many, from the first on.', None, 1),
    Row('label_offset', 'int', None, 'Smallest stored label, 0 or 1 (default: from the data); '
        "not slim's labels_offset.", None, 0, 1),
    Row('holdout_shards', 'int', 0, 'Training shards set aside for evaluation.', None, 0),
    Row('holdout', 'float', None, 'Part of each class of a folder without a validation split that '
        'is set aside for evaluation (default: 0.1; 0: none).', None, 0, 0.99),
    Row('balanced_sampling', 'bool', False, 'In an epoch all classes come equally often: images of '
        'small classes several times, of large ones not all.'),
    Row('max_pixels', 'int', 120_000_000, 'Image files of more pixels are refused by their '
        'headers.', None, 1),
    Row('shuffle_buffer', 'int', 10000, 'Examples in the shuffle buffer.', None, 1),
    Row('num_parallel_calls', 'int', None, 'Images prepared in parallel (default: automatic).',
        None, 1),
    Row('num_readers', 'int', None, 'Files read in parallel.', None, 1),
    Row('use_cache', 'bool', False, 'Keep the encoded images in memory after the first epoch.'),
    Row('input_image_size', 'int', None, "Image side in pixels (default: the network's).",
        None, 1, 10000),
    Row('preprocessing_name', 'str', None, "Preprocessing style (default: the network's)."),
    Row('pixel_mean', 'floats', None, "Subtracted from pixels in 0..255, one number or three "
        "(default: the style's)."),
    Row('pixel_std', 'floats', None, "Divides them after that (default: the style's).", None, 1e-6),
    Row('crop_min_area', 'float', None, "Least part of an image that a training crop shows "
        "(default: the style's, 0.05 or 0.08).", None, 0.01, 1),
    Row('random_flip', 'bool', None, "Mirror half of the training images (default: the style's, "
        "all but digits)."),
    Row('test_flip', 'bool', False, 'Evaluate and predict by the mean over each image and '
        'its mirror image.'),
    Row('augment_name', 'str', None, 'Learned augmentation policy.',
        ('autoaugment', 'randaugment')),
    Row('randaug_num_layers', 'int', 2, 'RandAugment operations an image.', None, 1),
    Row('randaug_magnitude', 'int', 10, 'RandAugment strength.', None, 0, 30),
    Row('mixup_alpha', 'float', 0.0, 'Beta parameter of mixup (0: off).', None, 0),
    Row('cutmix_alpha', 'float', 0.0, 'Beta parameter of CutMix (0: off); with mixup on too, each '
        'batch gets one of the two.', None, 0),
    Row('random_erasing', 'float', 0.0, 'Probability of erasing a rectangle.', None, 0, 1),
    Row('use_grayscale', 'bool', False, 'Turn images grey (three equal channels).'),
    Row('max_bad_records', 'int', 0, 'Unreadable records to skip before stopping.', None, 0),
)
