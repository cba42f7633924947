"""Tests of users, log-in and sessions."""
