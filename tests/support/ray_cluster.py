"""A Ray cluster of two nodes with one CPU each, on 127.0.0.1. `test_ray.py` runs it as a process of its own.

It writes its address and the process id of the second node's raylet to stdout, as one line of JSON, and stops when its
stdin ends: with the tests, however these end.
"""

import json
import os
import sys

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # nothing listens on the network
import logging

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000, "node_ip_address": "127.0.0.1", "include_dashboard": False}


def main() -> None:
    logging.disable()
    cluster = Cluster(initialize_head=True, head_node_args=NODE)
    try:
        second = cluster.add_node(**NODE)
        (raylet,) = [p.process.pid for p in second.all_processes["raylet"]]
        print(json.dumps({"address": cluster.address, "raylet": raylet}), flush=True)
        sys.stdin.read()
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
