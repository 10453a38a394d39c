"""Small DICOM files of all sorts."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

__all__ = ["dataset", "write"]


def dataset(array: NDArray[Any], **elements: object) -> Any:  # noqa: ANN401
    """Return a data set of (Y, X) or (Y, X, 3) values, or of such frames; little-endian."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    frames = int(str(elements.get("NumberOfFrames", 1)))
    colour = array.shape[-1] == 3 and array.ndim - (frames > 1) == 3
    made.SamplesPerPixel = 3 if colour else 1
    made.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        made.PlanarConfiguration = 0
    made.Rows, made.Columns = array.shape[1:3] if frames > 1 else array.shape[:2]
    made.BitsAllocated = made.BitsStored = 8 * array.dtype.itemsize
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(array.dtype.kind == "i")
    for name, value in elements.items():
        setattr(made, name, value)
    data = array.tobytes()
    made.PixelData = data + bytes(len(data) % 2)
    return made


def write(path: Path, array: NDArray[Any], **elements: object) -> None:
    """Write such a data set to a file."""
    dataset(array, **elements).save_as(path, enforce_file_format=True)
