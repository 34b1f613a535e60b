"""Batches in a bucket, read on Spark by our own store in tasks and by S3A with Spark's reader.

The bucket is rclone's, on this machine. S3A only reads and parses; ours checks the rows too,
and lays them out for the merge. Figures are processor seconds of all processes, the server
among them. S3A wants ``hadoop-aws`` of the version that Spark has, and what it depends on:
``mvn dependency:copy-dependencies`` into the folder that is named.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.bench_spark import A_BATCH, PARTITIONS, fill, timed
from mlproject import config
from mlproject.batches.listing import new_batches
from mlproject.bootstrap import opened_store
from mlproject.core.forgotten import Forgotten
from mlproject.spark.reading import batch_rows
from mlproject.spark.session import session
from tests.servers import rclone_server

TURNS: Final = 3


def main() -> None:
    """Print a line for each way and turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jars", type=Path, required=True, help="folder of hadoop-aws")
    parser.add_argument("--ratings", type=int, default=1_000_000)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-s3a-") as name,
        rclone_server(Path(name) / "s3") as server,
    ):
        store = server.bucket("ratings")
        fill(store, 0, given.ratings, given.ratings // 100)
        settings = config.load(
            state_dir=Path(name),
            s3_endpoint_url=server.address,
            bucket="ratings",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
        )
        conf = {
            "spark.ui.enabled": "false",
            "spark.driver.extraClassPath": f"{given.jars}/*",
            "spark.hadoop.fs.s3a.endpoint": server.address,
            "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.access.key": server.access_key,
            "spark.hadoop.fs.s3a.secret.key": server.secret_key,
        }
        with session("bench", "local[1]", conf) as spark:
            found = list(new_batches(store))
            print(f"{len(found)} batches of {A_BATCH:,} in {PARTITIONS} partitions", flush=True)

            def ours() -> None:
                open_store = partial(opened_store, settings)
                rows = batch_rows(spark, open_store, found, Forgotten())
                rows.write.format("noop").mode("overwrite").save()

            def s3a() -> None:
                keys = [f"s3a://ratings/{key}" for key, _ in found]
                spark.read.parquet(*keys).write.format("noop").mode("overwrite").save()

            for _ in range(TURNS):
                print(f"our own store {timed(ours)}", flush=True)
                print(f"S3A           {timed(s3a)}", flush=True)


if __name__ == "__main__":
    main()
