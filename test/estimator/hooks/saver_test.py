"""When a checkpoint is due."""

import time

from estimator.hooks import saver


def test_a_clock_that_is_set_back_does_not_put_off_a_checkpoint(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    timer = saver.Timer(600, None)
    assert timer.should_trigger_for_step(0)
    timer.update_last_triggered_step(0)
    monkeypatch.setattr(time, 'time', lambda: 0.0)      # 1970
    now += 599
    assert not timer.should_trigger_for_step(70)
    now += 1
    assert timer.should_trigger_for_step(71)
    timer.update_last_triggered_step(71)
    assert not timer.should_trigger_for_step(71) and not timer.should_trigger_for_step(72)


def test_steps_are_counted_as_ever():
    timer = saver.Timer(None, 5)
    timer.update_last_triggered_step(3)
    assert [timer.should_trigger_for_step(step) for step in (3, 7, 8)] == [False, False, True]
