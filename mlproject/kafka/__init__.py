"""Kafka, Connect and the Schema Registry: their administration, and clients for ratings."""
