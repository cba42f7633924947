"""Tests of the three packages, in folders named like them."""
