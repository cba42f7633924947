"""Tests of the packages, in folders named like them."""
