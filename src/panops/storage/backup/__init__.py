"""Backups: one archive file that holds a home, made while panops runs; looked over, and put back.

`archive` is the file, `manifest` what it says of itself, `snapshot` the database at one moment, `making`, `checking` and `restoring` what
is done with them. Outside this package nothing knows the format.
"""
