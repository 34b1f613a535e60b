"""What each user has rated, from the snapshot and the stream after it."""
