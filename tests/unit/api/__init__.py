"""Tests of `panops.api`."""
