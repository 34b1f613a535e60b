"""Reads files that people bring: as text first, then as what they are found to be, or not at all.

From the bytes up: :mod:`content` (compression, encodings), :mod:`dialects` (separators,
headers), :mod:`tables` (rows of text); :mod:`ids`, :mod:`times`, :mod:`scales` and
:mod:`genres` say what a text means; :mod:`ratings_layouts` and :mod:`catalogue_layouts`
have an entry for each known kind of file; :mod:`ratings` and :mod:`catalogues` put it
together. ``docs/reading-files.md`` is the table of it for users.
"""
