"""Jobs: each joins stages to do one thing, such as an export or a training."""
