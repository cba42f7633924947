"""The MxLIVE face: the remote interface, version 2, that the data acquisition client MxDC speaks.

It verifies who signed, reads what was sent, lets a `Transaction` do it under the signing project's rights, and answers
as the client expects. The rules of sessions, samples and datasets are those of the profile `mxlive`.
"""
