"""The contract between a network file and everything else."""

import collections
import types

import tensorflow.compat.v1 as tf

from common.errors import FlagError
from models import description, initializers, layers, recipes
from models import variables as variables_lib

_LEAVES = ('kernel', 'depthwise_kernel', 'condconv_kernel', 'depthwise_condconv_kernel', 'bias',
           'weights', 'depthwise_weights', 'biases',
           'gamma', 'beta', 'moving_mean', 'moving_variance')

_Fields = collections.namedtuple('_Fields', [
    'name',             # --model_name
    'family',           # the network file
    'scope',            # outermost scope of its variables
    'image_size',       # native resolution
    'num_classes',      # native classes: 1000, or 1001 with a background class
    'preprocessing',    # name of an input style
    'recipes',          # dict name -> dict of canonical flag -> value; the first is the default
    'published',        # dict params (M), multiply_adds (M), top_1 (%), source; None if unknown
    'defaults',         # dict argument -> value of everything build() accepts as an override
    'decayed',          # variable name -> whether weight decay applies
    'plan',             # options -> (Arch, Names); pure Python
    'builder',          # (images, plan, options, settings, num_classes) -> (logits, endpoints)
    'launcher',         # ((devices, recipe), ...): what the shell launchers train from so many on
    'on_digits',        # dict of canonical flag -> value over the recipe of the embedded digits
], defaults=[(), types.MappingProxyType({})])


def decay_all(name):
    """PyTorch's rule, and MindSpore's on CPU and GPU: every trainable variable decays."""
    del name
    return True


def decay_all_but_norm(name):
    """The TPU models' rule: biases, depthwise and expert kernels decay, batch norm does not."""
    return _leaf(name) not in ('gamma', 'beta')


def decay_kernels(name):
    """MindSpore's rule on Ascend: no beta, gamma or bias."""
    return _leaf(name) not in ('gamma', 'beta', 'bias', 'biases')


def decay_conv_weights(name):
    """slim's rule: weights of slim.conv2d; not depthwise, biases, or a fully connected layer."""
    return name.endswith('/weights') and not name.endswith('/FC/weights')


# --weight_decay_on; without it the network's own rule.
DECAY_RULES = {'all': decay_all, 'all_but_norm': decay_all_but_norm, 'kernels': decay_kernels,
               'conv': decay_conv_weights}


def published(params=None, multiply_adds=None, top_1=None, source=None):
    """Published parameters and multiply-adds in millions, top-1 in percent, and where."""
    return {'params': params, 'multiply_adds': multiply_adds, 'top_1': top_1, 'source': source}


# Overrides under which one network has been published in several forms; a checkpoint shows which.
FORMS = {'classifier': ('conv', 'fc'), 'use_keras': (True, False), 'finegrain': (True, False)}


# Arguments of every network that take one of a few words.
WORDS = {
    'data_format': {'channels_last': 'NHWC', 'channels_first': 'NCHW'},
    'padding': ('same', 'symmetric'),
    'batch_norm_statistics': ('batch', 'moving'),   # what batch norm uses in training
}


class Network(_Fields):
    """One network: what it is, how to train it, and how to build it."""

    __slots__ = ()

    @property
    def arguments(self):
        """Names of the overrides build() accepts besides num_classes."""
        return tuple(self.defaults)

    @property
    def recipe(self):
        """The default full run: dict of canonical flag -> value."""
        return next(iter(self.recipes.values()))

    def recipe_named(self, name=None, devices=1, data=None):
        """(source, dict) of a recipe; None is the default, see recipes.default.

        'launcher' is that of the original's launchers for this number of devices; data:
        recipes.Data of the training. Raises FlagError with the names there are.
        """
        data = data or recipes.Data()
        by_data = name is None and recipes.default(data)
        if by_data or name in recipes.SHARED:
            values = recipes.flags(by_data or name, devices, data, self.image_size)
            why = f': {data.images:,} training images' if by_data else ''
            if 'input_image_size' in values:
                why += f', small ones: at {values["input_image_size"]} pixels'
            return f'recipe {by_data or name} of {self.name}{why}', values
        if name == 'launcher':
            name = dict(row for row in self.launcher if row[0] <= devices)
            name = name[max(name)] if name else None
        name = name or next(iter(self.recipes))
        if name not in self.recipes:
            raise FlagError(f'{self.name} has no --recipe={name}; its recipes are: '
                             f'{", ".join((*self.recipes, *recipes.SHARED))}.')
        return f'recipe {name} of {self.name}', self.recipes[name]

    @property
    def decay_rule(self):
        """This network's own key of DECAY_RULES."""
        return next(name for name, rule in DECAY_RULES.items() if rule is self.decayed)

    @property
    def alternatives(self):
        """Overrides, one dict each, that select another published form of this network."""
        return tuple({name: value} for name in self.arguments if name in FORMS
                     for value in FORMS[name])

    def options(self, **overrides):
        """The defaults with the overrides that are not None."""
        unknown = sorted(set(overrides) - set(self.defaults))
        if unknown:
            raise ValueError(f'{self.name} has no {", ".join(unknown)}; '
                             f'its arguments are num_classes, {", ".join(self.arguments)}.')
        given = {name: value for name, value in overrides.items() if value is not None}
        return types.SimpleNamespace(**dict(self.defaults, **given))

    def build(self, images, training=False, seed=None, num_classes=None, device=None, folded=True,
              frozen=(), weights_only=False, **overrides):
        """Adds the network to the current graph.

        Args:
            images: float [batch, height, width, 3], already normalised; any batch and image size,
                known or not. float16 or bfloat16 images compute in that type.
            training: batch statistics, dropout and drop-connect instead of inference.
            seed: int64 [2] (seed of the run, step), or None for the graph's own random numbers.
            num_classes: width of the logits; None for the network's own.
            device: 'cpu', 'gpu' or 'npu' for the forms that are fastest there, where the device
                matters; None for those that suit any. The numbers differ by rounding only.
            folded: in inference batch norm is part of the convolutions; False keeps it apart.
            frozen: scopes whose batch norms use and keep their statistics in training too.
            weights_only: gradients of a training step to the variables are all that is asked for;
                with device='cpu' none reaches the images then, and none is right of a gradient.
            **overrides: see `arguments`.

        Returns:
            (float32 logits [batch, num_classes], dict of endpoints); endpoints['features'] is
            [batch, channels], pooled, before dropout.
        """
        options = self.options(**overrides)
        for name, words in WORDS.items():
            if getattr(options, name) not in words:
                raise ValueError(f'{name} {getattr(options, name)!r}: use one of '
                                 f'{", ".join(words)}.')
        plan = self.plan(options)
        settings = layers.Settings(
            training=training,
            seed=None if seed is None else tf.convert_to_tensor(seed, tf.int64),
            data_format=WORDS['data_format'][options.data_format],
            batch_statistics=training and options.batch_norm_statistics == 'batch',
            momentum=options.batch_norm_momentum,
            epsilon=options.batch_norm_epsilon,
            biased_variance=False,
            symmetric=options.padding == 'symmetric',
            device=device,
            folded=folded,
            leaves=plan[1].leaves,
            initializers=initializers.TPU,
            frozen=tuple(frozen),
            weights_only=weights_only)
        return self.builder(images, plan, options, settings, num_classes or self.num_classes)

    def variables(self, num_classes=None, **overrides):
        """Name -> shape of what build() makes under these overrides, without building it."""
        return variables_lib.shapes(*self.plan(self.options(**overrides)),
                                    num_classes or self.num_classes)

    def layers(self, size, num_classes=None, **overrides):
        """List of description.Layer under these overrides, without building it.

        size: side of the image in pixels.
        """
        return description.describe(*self.plan(self.options(**overrides)),
                                    num_classes or self.num_classes, size)

    def head_scope(self, num_classes=None, **overrides):
        """Scope of the classifier's variables under these overrides."""
        del num_classes
        return self.plan(self.options(**overrides))[1].classifier

    def model_fn_builder(self, head):
        """The Estimator's model_fn: the common head on what is this network's own.

        head: function(build, regularization_loss, model_variables) -> model_fn, such as
        estimator.model_fn.build with its Run.
        """
        return head(self.build, self.regularization_loss, self.model_variables)

    def model_variables(self):
        """Trainable variables and moving statistics of this network in the current graph."""
        return [v for v in tf.global_variables() if self._owns(v) and
                _leaf(_name(v)) in _LEAVES]

    def regularization_loss(self, weight_decay, rule=None):
        """Scalar: weight_decay times the sum of tf.nn.l2_loss over the decayed variables.

        rule: a key of DECAY_RULES instead of this network's own.
        """
        decayed = DECAY_RULES[rule] if rule else self.decayed
        terms = [tf.nn.l2_loss(v) for v in tf.trainable_variables()
                 if self._owns(v) and decayed(_name(v))]
        if not terms or not weight_decay:
            return tf.constant(0.0)
        return weight_decay * tf.add_n(terms)

    def _owns(self, v):
        return _name(v).startswith(f'{self.scope}/')


def _leaf(name):
    return name.rsplit('/', 1)[-1]


def _name(v):
    return v.name.split(':')[0]
