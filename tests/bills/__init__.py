"""Electricity bills: an invented vendor with a PDF of each bill, and the connector that reads it.

It stands for the kinds that need documents, steps and corrections. It is for tests, so no user meets it.
"""
