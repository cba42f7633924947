"""The laboratory: clients, samples, requests, analyses and worksheets, as the Bika LIMS of 2014 to 2016 has them.

The YAML files declare types, catalogs, workflows and roles; the modules hold the behaviours these name, by subject, and
`behaviors` collects them.
"""
