"""The segmenters: one file each. See :mod:`napari_piximi.segment.catalog`."""
