"""Runs on worker processes: all results arrive, also when a worker dies or a run fails."""

import os
from pathlib import Path

import engine

import pytest
from distributed import LocalCluster


def double(number, folder):
    if number == 3 and not Path(folder, "died").exists():
        Path(folder, "died").touch()
        os._exit(1)  # as if the system had killed the worker
    return 2 * number


def refuse(number):
    if number == 1:
        raise ValueError("one is wrong")
    return number


def test_nothing_is_lost_when_a_worker_dies(tmp_path):
    tasks = [(number, str(tmp_path)) for number in range(6)]
    found = dict(engine.results(double, tasks))
    assert (tmp_path / "died").exists()
    assert found == {number: 2 * number for number in range(6)}


def test_a_run_that_fails_is_told_after_the_others(capfd):
    found = []
    with pytest.raises(ValueError, match="one is wrong"):
        for number, result in engine.results(refuse, [(0,), (1,), (2,)]):
            found.append((number, result))
    assert sorted(found) == [(0, 0), (2, 2)]
    assert "run 1: ValueError: one is wrong" in capfd.readouterr().err


def threads(_):
    return os.environ["TF_NUM_INTRAOP_THREADS"], os.getppid()


def test_each_worker_has_one_thread():
    assert {count for _, (count, _) in engine.results(threads, [(0,)])} == {"1"}


def test_as_many_workers_as_it_says_whatever_the_machine(monkeypatch):
    monkeypatch.setattr(engine, "WORKERS", 1)
    with engine.cluster() as client:
        assert len(client.scheduler_info()["workers"]) == 1


def test_another_cluster_is_used_when_its_address_is_given(monkeypatch):
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0") as other:
        import dask

        with dask.config.set({"scheduler-address": other.scheduler_address}):
            # a worker of that cluster is a thread of this process
            ((_, pid),) = engine.results(lambda _: os.getpid(), [(0,)])
    assert pid == os.getpid()


def test_no_cluster_is_started_for_nothing(monkeypatch):
    monkeypatch.setattr(engine, "cluster", lambda: pytest.fail("a cluster was started"))
    assert list(engine.results(double, [])) == []
