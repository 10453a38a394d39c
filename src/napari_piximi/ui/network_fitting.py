"""The fit of a segmentation network that is under way, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from napari_piximi.model.edits import add_score, bring_back_kind, put_network
from napari_piximi.model.networks import free_network_name
from napari_piximi.model.places import places_of
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, SegmentationScore, UNetSettings
from napari_piximi.model.training import Run
from napari_piximi.segment.annotated import split_of
from napari_piximi.ui.fit_course import FitCourse, FitUnderWay
from napari_piximi.ui.network_choice import network_choice_of
from napari_piximi.ui.of_workspace import one_each
from napari_piximi.ui.shown_names import one_line

__all__ = ["NetworkFitting", "keep_network", "network_fitting_of"]

FIT = "napari_piximi.segment.own_networks:fit_network"
SCORE = "napari_piximi.segment.scoring:score_held_out"


class NetworkFitting(FitCourse):
    """What fits segmentation networks for one viewer, one fit at a time.

    Parameters
    ----------
    workspace : Workspace
    """

    RESULT = SegmentationNetwork

    def start(
        self,
        kind: str,
        settings: UNetSettings,
        channels: Sequence[int],
        name: str,
        base: SegmentationNetwork | None = None,
    ) -> FitUnderWay | None:
        """Begin a fit; None where one is under way already.

        Parameters
        ----------
        kind : str
            Kind id.
        settings : UNetSettings
        channels : sequence of int
        name : str
            Of the network.
        base : SegmentationNetwork, optional
            The one that is continued.
        """
        if self.current is not None:
            return None
        fit = FitUnderWay(kind, name, settings, base)
        self.current, self.trouble = fit, None
        workspace = self.workspace
        workspace.layers.flush()  # what is being painted teaches too
        job = workspace.learning.run(
            f"Fit {one_line(name)}",
            FIT,
            replace(workspace.project, classifiers=(), networks=()),
            kind,
            kind,
            settings,
            tuple(channels),
            name=name,
            base=base,
            keras=True,
            keeps=True,
            done=partial(self._done, fit),
            failed=partial(self._failed, fit),
        )
        self._begin(fit, job)
        return fit

    # --- what comes of it ------------------------------------------------------------------------

    def _done(self, fit: FitUnderWay, result: SegmentationNetwork) -> None:
        run = result.runs[-1]
        if run.stopped == "cancelled" and not run.epochs:
            self._say_nothing_is_kept(fit)
            return
        self._take(fit, result)

    def _take(self, fit: FitUnderWay, result: SegmentationNetwork) -> bool:
        fit.over = True
        workspace, choice = self.workspace, network_choice_of(self.workspace)
        gone = fit.kind not in workspace.project.kinds
        label = f"Fit {one_line(result.name)}"
        if not workspace.edit(label, keep_network, result, fit.kind_name):
            return False
        if gone:
            self._warn_of_kind(fit)
        choice.forget_name(fit.name)
        if choice.kind == fit.kind:
            choice.choose(workspace.project.networks[-1].name)
        self._judge(workspace.project.networks[-1])
        return True

    def _judge(self, network: SegmentationNetwork) -> None:
        """Score a network on what it has held out, if there is anything."""
        workspace, held = self.workspace, {*split_of(network).validation}
        project, places = workspace.project, places_of(workspace.project)
        planes = places.planes.get(network.kind, {}).items()
        lying = [key for (image, _), keys in planes if image in held for key in keys]
        if not lying:
            return
        things = {
            key: project.things[key] for key in (*filter(held.__contains__, places.images), *lying)
        }
        workspace.learning.run(
            f"Evaluate {one_line(network.name)}",
            SCORE,
            replace(project, things=things, classifiers=(), networks=()),
            network.kind,
            network,
            keras=True,
            done=partial(self._judged, network),
        )

    def _judged(self, network: SegmentationNetwork, score: SegmentationScore) -> None:
        """Keep a score with the network, if the project still has its model."""
        workspace = self.workspace
        there = {n.name: n.model for n in workspace.project.networks}
        if there.get(network.name) is network.model:
            workspace.edit(f"Evaluate {one_line(network.name)}", add_score, network.name, score)

    def _newest(self, result: Any) -> tuple[str, Run]:  # noqa: ANN401
        return result.name, result.runs[-1]


def keep_network(project: Project, network: SegmentationNetwork, kind_name: str) -> Project:
    """Put a network that has been fitted into the project, which may have changed meanwhile.

    Parameters
    ----------
    project : Project
        The current one.
    network : SegmentationNetwork
        With the new run as its last. Runs and scores of a network of that name that is there
        stay; where the name has become another kind's, it gets a free one.
    kind_name : str
        As it was called when the fit began; if it has gone since, it is made anew.
    """
    project = bring_back_kind(project, network.kind, kind_name)
    there = next((n for n in project.networks if n.name == network.name), None)
    if there is not None and there.kind != network.kind:
        network = replace(network, name=free_network_name(project))
    elif there is not None:
        runs = (*there.runs, network.runs[-1])
        network = replace(network, runs=runs, scores=there.scores)
    return put_network(project, network)


network_fitting_of = one_each(NetworkFitting)
"""Return what fits networks for a viewer, made when it is first asked for."""
