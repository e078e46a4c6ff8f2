"""The local stack: Kafka, S3 server, ports."""
