"""Where bytes lie: a local folder, an S3 bucket, locks."""
