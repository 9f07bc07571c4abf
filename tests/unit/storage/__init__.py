"""Tests of `panops.storage`."""
