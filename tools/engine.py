"""Runs on worker processes: Dask's local cluster of two, or any cluster whose address is given.

Set DASK_SCHEDULER_ADDRESS to the address of a running scheduler to use its workers. They need this
project installed (a wheel will do) and one thread each: the code of tools/ travels with the tasks.
"""

import logging
import sys
from contextlib import contextmanager
from pathlib import Path

import dask
from distributed import Client, LocalCluster, as_completed
from tqdm import tqdm

# one core for each process: sharing two is slower than either alone, and one thread adds in one order
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
WORKERS = 2
CELLS = str(Path(__file__).with_name("cells.py"))


@contextmanager
def cluster():
    """A client of the cluster that DASK_SCHEDULER_ADDRESS names, or of two processes here."""
    if dask.config.get("scheduler-address", None):
        with Client() as client:
            client.upload_file(CELLS, load=False)
            yield client
        return
    # the processes of a local cluster find tools/ where this one does
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": ONE_THREAD}),
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.ERROR
        ) as local,
        Client(local) as client,
    ):
        yield client


def results(function, tasks):
    """Run function(*task) for every task; yield (its number, result) as soon as each is done.

    A task whose worker dies is run again on another worker, up to three times.

    Parameters
    ----------
    function : callable, of the script that runs or of tools/cells.py
    tasks : list of tuples

    Raises
    ------
    Exception
        Whatever the function raised last, when every other task is done.
    """
    if not tasks:  # no cluster for nothing
        return
    failed = None
    with cluster() as client:
        numbers = {client.submit(function, *task, pure=False): i for i, task in enumerate(tasks)}
        for future in tqdm(as_completed(list(numbers)), total=len(numbers), unit="run"):
            number = numbers.pop(future)
            if future.status == "error":
                failed = future.exception()
                print(f"run {number}: {type(failed).__name__}: {failed}", file=sys.stderr)
            else:
                yield number, future.result()
    if failed:
        raise failed
