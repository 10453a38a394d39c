"""Read and write Piximi's project bundles: ``.zip`` files and unzipped ``.zarr`` folders."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_piximi.errors import BundleError, ModelFileError, SaveError
from napari_piximi.io._classifiers import (
    SHAPE,
    read_classifiers,
    with_things,
    write_classifiers,
)
from napari_piximi.io._document import (
    OWN,
    Attributes,
    Document,
    find_root,
    list_files,
    read_document,
)
from napari_piximi.io._evaluated import Evaluated, pack_evaluated, read_evaluated
from napari_piximi.io._index import INDEX_NAME, Index, pack, read_index
from napari_piximi.io._kinds import add_missing_kinds, read_kinds, write_kinds
from napari_piximi.io._layout import GROUP, Labels, ThingWriter, json_bytes, labels_of, write_array
from napari_piximi.io._models import (
    Models,
    artifact_from_bytes,
    artifact_settings,
    bundled_models,
    write_models,
)
from napari_piximi.io._names import leads_astray, path_names, root_name
from napari_piximi.io._networks import (
    bundled_networks,
    network_attributes,
    read_network_models,
    read_networks,
    write_networks,
)
from napari_piximi.io._source import Source
from napari_piximi.io._table import Placed, read_table, table_of
from napari_piximi.io._things import make_things
from napari_piximi.io._upgrades import upgrade
from napari_piximi.io._warn import warn
from napari_piximi.io._writers import Writer, writing
from napari_piximi.io._zip import Member, ZipWriter
from napari_piximi.io._zip_or_folder import open_source
from napari_piximi.model.bulk import without_garbage_collection
from napari_piximi.model.project import Project
from napari_piximi.model.things import Image
from napari_piximi.model.training import ModelArtifact
from napari_piximi.progress import Progress, silent

__all__ = ["PIXIMI_VERSION", "read_bundle", "read_bundle_and_version", "write_bundle"]

PIXIMI_VERSION = "1.1.4"
"""The version that written bundles carry: that of the Piximi whose layout they follow."""

MAX_MODEL = (64 << 20, 2 << 30)
"""Most bytes of a classifier's JSON and weights file."""

MAX_EVALUATED = 1 << 30
EVALUATED = f"{OWN}/evaluated"


# --- reading -------------------------------------------------------------------------------


def read_bundle(path: str | os.PathLike[str], progress: Progress = silent) -> Project:
    """Open a project bundle; its pixels are read later, when they are needed.

    Parameters
    ----------
    path : path
        A ``.zip``, or an unzipped ``.zarr`` folder, of any version that Piximi wrote.
    progress : Progress, optional

    Returns
    -------
    Project

    Raises
    ------
    BundleError
        If it is damaged, hostile or no bundle; the message names file, member and value.

    Warns
    -----
    PiximiWarning
        Of each repair.
    """
    return read_bundle_and_version(path, progress)[0]


def read_bundle_and_version(
    path: str | os.PathLike[str], progress: Progress = silent
) -> tuple[Project, str]:
    """Open a project bundle; also return the version that it names. See :func:`read_bundle`."""
    with without_garbage_collection():
        return _read(open_source(Path(path)), progress)


def _read(source: Source, progress: Progress) -> tuple[Project, str]:
    progress(0, 2, "Reading the bundle")
    index = read_index(source)
    if index is None:
        document, models, evaluated, networks = _read_document(source)
        kinds, categories, renamed = read_kinds(document)
        table = read_table(document, kinds, renamed)
    else:
        document, table, models = Document(source, index.attributes, {}), index.table, index.models
        evaluated, networks = index.evaluated, index.networks
        kinds, categories, _ = read_kinds(document)
    add_missing_kinds(document, kinds, categories, set(table.kinds))
    progress(1, 2, "Making the project")
    things = make_things(table, kinds, categories, source.path)
    artifacts, unread = _read_models(source, models)
    ids = {key: key for key in things} if evaluated else {}
    things_of = _read_evaluated(source, evaluated, ids)
    kinds, classifiers = read_classifiers(document, kinds, artifacts, things_of)
    attributes = document.of("project")
    project = Project(
        str(attributes.get("name", source.path.stem)),
        _image_channels(document, things.values()),
        kinds,
        categories,
        things,
        classifiers,
        str(document.attributes.get("segmenter", {}).get("name", "undefined")),
        unread,
        read_networks(document, read_network_models(source, networks, MAX_MODEL), kinds),
    )
    progress(2, 2, "Done")
    return project, str(document.of("", "version")["version"])


def _read_document(source: Source) -> tuple[Document, Models, Member | None, Models]:
    files = list_files(source.members(), source.path)
    root = find_root(files, source.path)
    document = upgrade(read_document(source, files, root))
    evaluated = files.get(f"{root}{EVALUATED}")
    return document, bundled_models(files, root), evaluated, bundled_networks(files, root)


def _read_models(
    source: Source, models: Models
) -> tuple[dict[str, ModelArtifact], dict[str, tuple[bytes, bytes]]]:
    """Read the classifier files; those that cannot be opened are returned as they are."""
    found: dict[str, ModelArtifact] = {}
    unread: dict[str, tuple[bytes, bytes]] = {}
    for name, members in models.items():
        where = f"{source.path}: {members[0].name}"
        for member, most in zip(members, MAX_MODEL, strict=True):
            _check_size(source, member, most)
        text, weights = source.read(members[0]), source.read(members[1])
        try:
            model = artifact_from_bytes(text, weights, name, where)
            artifact_settings(model, where)  # fails where it has no input shape
            found[name] = model
        except ModelFileError as error:
            warn(f"{error}; the project opens without this classifier, and keeps its files")
            unread[name] = text, weights
    return found, unread


def _read_evaluated(
    source: Source, member: Member | None, ids: Mapping[str, str]
) -> list[Evaluated] | None:
    """Read the things of evaluations; None where they are not there."""
    if member is None:
        return None
    _check_size(source, member, MAX_EVALUATED)
    try:
        return read_evaluated(source.read(member), ids)
    except ValueError as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{source.path}: {member.name}: {error}") from error


def _check_size(source: Source, member: Member, most: int) -> None:
    if member.size > most:
        raise BundleError(f"{source.path}: {member.name} has {member.size} bytes, too many")


def _image_channels(document: Document, things: Any) -> int | None:  # noqa: ANN401
    """Return the project's channel count; early 0.2.0 files leave it to their images."""
    noted = document.of("project").get("imageChannels")
    if isinstance(noted, int | str) and str(noted).isdecimal() and int(noted) > 0:
        return int(noted)
    shapes = (thing.pixels.shape[-1] for thing in things if isinstance(thing, Image))
    return next(shapes, None)


# --- writing -------------------------------------------------------------------------------


def write_bundle(
    project: Project,
    path: str | os.PathLike[str],
    *,
    compress: bool = False,
    progress: Progress = silent,
) -> None:
    """Save a project as a bundle that Piximi opens.

    The file appears whole or not at all. Pixels that lie in a bundle already are copied, not
    read and written again; projects that still read from the file being replaced can go on.

    Parameters
    ----------
    project : Project
    path : path
        A ``.zarr`` at its end makes a folder, anything else a zip.
    compress : bool
        Deflate new pixels: about a tenth smaller, and much slower to write and read.
    progress : Progress, optional

    Raises
    ------
    SaveError
        If it cannot be written; what was there before is untouched.
    BundleError
        If pixels to be copied cannot be read.
    """
    path = Path(path).resolve()
    _check_ids(project, path)
    is_folder = path.suffix == ".zarr"
    root = f"{path.name}/" if is_folder else f"{root_name(path)}.zarr/"
    labels = {thing.id: labels_of(thing) for thing in project.things.values()}
    names = path_names(thing.name for thing in project.things.values())
    attributes = _attributes(project, labels)
    written: list[Placed] = []
    models: dict[str, tuple[Member, Member]] = {}
    networks: dict[str, tuple[Member, Member]] = {}
    evaluated: Member | None = None

    def finish(writer: ZipWriter) -> None:
        table = table_of(project, written)
        index = pack(Index(attributes, table, models, evaluated, networks), writer.directory())
        writer.write(f"{root}{INDEX_NAME}", index)

    with writing(path, finish) as writer:
        writer.write(root, b"")
        _write_groups(writer, root, attributes, names)
        with ThingWriter(writer, root, project, compress=compress) as things:
            for done, (thing, name) in enumerate(zip(project.things.values(), names, strict=True)):
                written.append(things.write(thing, name, labels[thing.id]))
                if done % 64 == 0:
                    progress(done, len(names), "Saving")
        models.update(write_models(writer, root, root if is_folder else "", project))
        networks.update(write_networks(writer, root, project))
        if evaluations := with_things(project):
            evaluated = writer.write(f"{root}{EVALUATED}", pack_evaluated(evaluations))
    progress(len(names), len(names), "Saved")


def _check_ids(project: Project, path: Path) -> None:
    """Refuse ids that are names of groups and would lead out of the bundle."""
    names = [*project.kinds, *(c.name for c in project.classifiers), *project.unread_models]
    for name in filter(leads_astray, names):
        raise SaveError(f"{path}: {name!r} cannot name a kind or classifier in a bundle")


def _attributes(project: Project, labels: Mapping[str, Labels]) -> dict[str, Attributes]:
    """Return the attributes of all groups that are not things."""
    shown = {thing: label.category for thing, label in labels.items()}
    channels = project.image_channels
    return {
        "": {"version": PIXIMI_VERSION},
        "project": {
            "name": project.name,
            "imageChannels": "undefined" if channels is None else channels,
        },
        **write_kinds(project, shown),
        **write_classifiers(project),
        "segmenter": {"name": project.segmenter, **network_attributes(project)},
    }


def _write_groups(
    writer: Writer, root: str, attributes: Mapping[str, Attributes], names: list[str]
) -> None:
    """Write the groups of `attributes`, and that of the things."""
    for path, values in {**attributes, "project/things": {"thing_names": names}}.items():
        group = f"{root}{path}/" if path else root
        shape = values.get(SHAPE)
        if shape is not None:
            values = {key: value for key, value in values.items() if key != SHAPE}
            column = np.array(shape, "|u1" if max(shape) < 256 else "<i4")
            write_array(writer, f"{group}{SHAPE}", column)
        writer.write(f"{group}.zgroup", GROUP)
        writer.write(f"{group}.zattrs", json_bytes(values))
