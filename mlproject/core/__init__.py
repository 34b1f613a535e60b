"""Types, ports and the error tree, on which everything stands.

Of libraries it knows numpy, pandas and scipy. It asks no server, and reads no file but those of
``/proc`` (:mod:`~mlproject.core.cpus`).
"""
