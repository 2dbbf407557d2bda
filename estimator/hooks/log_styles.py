"""`--log_style`: the originals' own log lines, beside ours, for scripts that read them."""

import sys

import tensorflow.compat.v1 as tf


class AscendMobileNet:
    """Lines of MobileNetV2_ID0074's logger.py: a header, then one line a logged step."""

    def start(self):
        """Lines before the first step."""
        version = sys.version.replace('\n', ' ')
        return [f'PY{version}TF{tf.version.VERSION}',
                'Step   Epoch   Speed   Loss   FinLoss   LR']

    def step(self, row):
        """Lines of a logged step; row: as in log.csv."""
        return [f'step:{row["step"]}  epoch:{row["epoch"]} ips:{row["images_per_sec"]} '
                f'loss:{row["cross_entropy"]} total_loss:{row["loss"]}  '
                f'lr:{row["learning_rate"]}, ']

    def evaluation(self, metrics, checkpoint):
        """Lines of an evaluation."""
        del checkpoint
        return [f'acc: [{metrics["top_1_accuracy"]}]']


class MindSpore:
    """Lines of MindSpore's LossMonitor, TimeMonitor and eval.py."""

    def start(self):
        """Lines before the first step."""
        return []

    def step(self, row):
        """Lines of a logged step; the step counts within its epoch, as there."""
        whole = max(1, int(row['steps_per_epoch']))
        epoch, step = divmod(row['step'] - 1, whole)
        lines = [f'epoch: {epoch + 1} step: {step + 1}, loss is {row["loss"]}']
        if step + 1 == whole and row['step_ms']:
            lines.append(f'Epoch time: {row["step_ms"] * whole:.3f}, '
                         f'per step time: {row["step_ms"]:.3f}')
        return lines

    def evaluation(self, metrics, checkpoint):
        """Lines of an evaluation."""
        shown = {name: metrics[name] for name in ('top_5_accuracy', 'top_1_accuracy')}
        return [f'result: {shown} ckpt={checkpoint}']


class Silent:
    """No further lines."""

    def start(self):
        """Nothing."""
        return []

    def step(self, row):
        """Nothing."""
        del row
        return []

    def evaluation(self, metrics, checkpoint):
        """Nothing."""
        del metrics, checkpoint
        return []


STYLES = {None: Silent(), 'ascend_mobilenet': AscendMobileNet(), 'mindspore': MindSpore()}
