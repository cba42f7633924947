"""Files that the ISPyB database names: where they may lie, disks that hang, sending, and what is read out of them.

- `places` turns a stored path into a file below one of the data roots, or refuses it; `disk` asks a disk with a time
  limit; `presence` and `reading` say which files there are and what they hold; `sending` answers with one.
- `links`, `hdf5`, `frames`, `maps` need numpy, h5py, h5grove, fabio, pillow and cmap (the extra `data`): only functions
  that work with them import them, so that a server that is never asked for such data never loads them.
"""
