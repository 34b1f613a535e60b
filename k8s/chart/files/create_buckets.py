"""Make the buckets that are named, where they are not there yet; wait for the store."""

import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

client = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINT_URL"],
    config=Config(connect_timeout=5, read_timeout=15, s3={"addressing_style": "path"}),
)
for bucket in sys.argv[1:]:
    while True:
        try:
            client.create_bucket(Bucket=bucket)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                print(f"{bucket} is there", flush=True)
                break
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                sys.exit(f"{bucket} cannot be made: {error}")
            print(f"{error}; trying again in 3 s", flush=True)
        except ParamValidationError as error:
            sys.exit(f"{bucket} cannot be made: {error}")
        except BotoCoreError as error:
            print(f"{error}; trying again in 3 s", flush=True)
        else:
            print(f"made {bucket}", flush=True)
            break
        time.sleep(3)
