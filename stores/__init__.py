"""What is kept: the SQL ledger and the S3 objects."""
