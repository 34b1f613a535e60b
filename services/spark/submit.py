"""What `spark-submit` runs: ``spark-submit ... services/spark/submit.py ingest``."""

import sys

from mlproject.__main__ import main

if __name__ == "__main__":
    sys.argv.insert(1, "spark")
    main()
