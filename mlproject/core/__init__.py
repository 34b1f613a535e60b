"""Types, ports and the error tree, on which everything stands.

Of libraries it knows numpy and pandas; it opens no file and asks no server.
"""
