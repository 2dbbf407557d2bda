"""Finding devices."""

import pytest
import tensorflow.compat.v1 as tf

import flags
from common.errors import FlagError, ProgramError
from estimator.devices import precision, session


def test_listing_gpus_does_not_make_them(monkeypatch):
    from tensorflow.python.client import device_lib
    grown = []
    gpu = type('Gpu', (), {'name': 'gpu:0'})
    monkeypatch.setattr(device_lib, 'list_local_devices', None)
    monkeypatch.setattr(tf.config.experimental, 'list_physical_devices', lambda kind: [gpu] * 2)
    monkeypatch.setattr(tf.config.experimental, 'set_memory_growth',
                        lambda *given: grown.append(given))
    monkeypatch.setattr(tf.config.experimental, 'get_device_details', lambda _: {}, raising=False)
    monkeypatch.setattr(session, 'GPU_FILES', (__file__,))
    device = session.find_device('auto', None)
    assert (device.kind, device.count, grown) == ('gpu', 2, [(gpu, True)] * 2)
    assert session.find_device('gpu', 1).count == 1
    with pytest.raises(ProgramError, match='sees 2 GPU'):
        session.find_device('gpu', 3)


def test_no_gpu_is_said():
    with pytest.raises(ProgramError, match='no GPU here'):
        session.find_device('gpu')
    assert session.find_device('cpu', 3).count == 3


def test_more_cpu_devices_than_make_sense_are_refused(monkeypatch):
    monkeypatch.setattr(session.os, 'cpu_count', lambda: 2)
    assert session.find_device('cpu', session.CPU_DEVICES).count == session.CPU_DEVICES
    with pytest.raises(FlagError, match='--num_devices=99: without a GPU .* on the 2 cores'):
        session.find_device('cpu', 99)
    monkeypatch.setattr(session.os, 'cpu_count', lambda: 128)
    assert session.find_device('auto', 99).count == 99


def test_xla_on_a_cpu_is_refused(monkeypatch):
    device, kept = session.find_device('cpu'), precision.float32()
    assert session.training_config(flags.make(use_xla=True), device, kept)
    monkeypatch.setenv('TF_XLA_FLAGS', '--tf_xla_cpu_global_jit')
    assert session.training_config(flags.make(), device, kept)
    with pytest.raises(FlagError, match='Unset TF_XLA_FLAGS'):
        session.training_config(flags.make(use_xla=True), device, kept)
    monkeypatch.setenv('TF_XLA_FLAGS', '--tf_xla_cpu_global_jit=true --tf_xla_auto_jit=2')
    with pytest.raises(FlagError, match='Unset TF_XLA_FLAGS'):
        session.training_config(flags.make(), device, kept)
    monkeypatch.setenv('TF_XLA_FLAGS', '--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit=false')
    assert session.training_config(flags.make(use_xla=True), device, kept)


@pytest.mark.parametrize('use_xla, environment, searched', [
    (False, '', False), (True, '', True), (False, '--tf_xla_auto_jit=2', True)])
def test_what_xla_could_compile_is_looked_for_where_it_shall(
        monkeypatch, use_xla, environment, searched):
    monkeypatch.setenv('TF_XLA_FLAGS', environment)
    with tf.Graph().as_default() as graph:
        session.skip_search_for_xla(flags.make(use_xla=use_xla), session.find_device('cpu'))
        marked = [op.name for op in graph.get_operations()
                  if '_XlaAlreadyClustered' in op.node_def.attr]
    assert marked == ([] if searched else ['global_step'])
