"""Kafka: topics, offsets, Connect, the Schema Registry, and the clients that send and follow ratings."""
