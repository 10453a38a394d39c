"""The page Find objects of the Segmentation dock."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Image as ImageLayer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QFrame, QVBoxLayout, QWidget

from napari_piximi.errors import PiximiError
from napari_piximi.model.places import places_of
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Image
from napari_piximi.segment import catalog
from napari_piximi.segment.results import Target
from napari_piximi.segment.running import check_request
from napari_piximi.ui.channel_rows import ChannelRows, channel_colors
from napari_piximi.ui.column import Column
from napari_piximi.ui.keys_within import keys_within
from napari_piximi.ui.rest import Rest
from napari_piximi.ui.scrolled import scrolled
from napari_piximi.ui.segment_actions import FIND_KEYS, PREVIEW_KEYS, SegmentActions
from napari_piximi.ui.segment_consent import may_segment
from napari_piximi.ui.segment_preview import Preview
from napari_piximi.ui.segment_where import (
    There,
    Where,
    count_there,
    has_stacks,
    images_of,
    kinds_named,
)
from napari_piximi.ui.segmenter_box import SegmenterBox
from napari_piximi.ui.segmenting import segmenting_of
from napari_piximi.ui.settings_form import SettingsForm
from napari_piximi.ui.tab_order import tab_as_laid_out
from napari_piximi.ui.target_box import TargetBox, TargetState
from napari_piximi.ui.wrapped_label import wrapped_label

if TYPE_CHECKING:
    from napari_piximi.ui.segmentation_panel import SegmentationPanel

__all__ = ["SegmentPage"]

DELAY = 60
"""Milliseconds without another change before the page looks at the project again."""
LIVE_DELAY = 150
"""Milliseconds without another change before a live preview is worked out."""

NO_IMAGE = "There is no image yet: drop images into the window, or open File ▸ Open Sample"
NOT_ADDED = (
    "The image in napari is not in the project yet: select its layer, and choose "
    "File ▸ IO Utilities ▸ Add layers to project"
)
NONE_SHOWN = "No image is on show: double-click one in the Gallery"
NO_SEGMENTER = "There is no segmenter"
RUNNING = "Objects are being found: there can be a preview again when that is done"
NONE_CHOSEN = {
    Where.SHOWN: f"{NONE_SHOWN}, or choose other images",
    Where.SELECTED: "No image is selected: select some in the Gallery, or choose other images",
    Where.ALL: NO_IMAGE,
}
CHANGED = "Something was changed: press Preview again"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What would be done now."""

    images: tuple[str, ...]
    target: Target
    trouble: str
    is_urgent: bool = True


class SegmentPage(QWidget):
    """Choose a segmenter, set it up, look at a preview, find objects.

    What is under way does not live here, so that this page may come and go.

    Parameters
    ----------
    panel : SegmentationPanel
        Gives `workspace`, `choice`, and `listen` for signals.
    """

    def __init__(self, panel: "SegmentationPanel") -> None:
        super().__init__(panel)
        self.panel, self.workspace, self.choice = panel, panel.workspace, panel.choice
        self.segmenting = segmenting_of(self.workspace)
        self.preview = Preview(self.workspace)
        self.segmenter = SegmenterBox()
        self.channels = ChannelRows()
        self.grey = wrapped_label()
        self.target = TargetBox()
        self.buttons = SegmentActions()
        self.forms: dict[str, SettingsForm] = {}
        self._following = self._stale = False
        self._images: tuple[object, list[Image]] = (None, [])
        self._there: tuple[object, There] = (None, There())
        self._ordered = (0, 0)
        self._rest = Rest(self.refresh, DELAY, self)
        self._look_soon = Rest(self._look, LIVE_DELAY, self)
        self._lay_out()
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        inner = Column()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(2, 6, 2, 2)
        self._column.setSpacing(6)
        self._column.addWidget(self.segmenter)
        self._column.addWidget(self.channels)
        self._column.addWidget(self.grey)
        self._column.addWidget(self.target)
        self._column.addStretch(1)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        line.setFrameShadow(QFrame.Shadow.Plain)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 2)
        layout.setSpacing(4)
        layout.addWidget(scrolled(inner), 1)
        layout.addWidget(line)
        layout.addWidget(self.buttons)

    def _connect(self) -> None:
        listen, workspace = self.panel.listen, self.workspace
        listen(self.choice.changed, self._choice_changed)
        listen(self.choice.named, self._ask_soon)
        listen(workspace.changed, self._project_changed)
        listen(workspace.opened, self._opened)
        listen(workspace.shown_changed, self._shown_changed)
        listen(workspace.gallery.selected, self._ask_soon)
        listen(self.segmenting.changed, self.refresh)
        listen(self.preview.changed, self._show_preview)
        listen(self.preview.moved, self._moved)
        listen(self.preview.panned, self._panned)
        self.segmenter.chosen.connect(self.choice.choose)
        self.segmenter.network_chosen.connect(self.choice.choose_network)
        self.segmenter.train_asked.connect(self._train)
        self.channels.edited.connect(self.choice.set_channels)
        self.target.changed.connect(self.refresh)
        self.target.named.connect(self.choice.set_kind)
        self.buttons.asked.connect(self.find_objects)
        self.buttons.stop.connect(self.segmenting.stop)
        self.buttons.preview.connect(self.toggle_preview)
        self.buttons.live.connect(self._live)
        self.buttons.gallery.connect(self.segmenting.show_found)
        keys_within(self, FIND_KEYS, self.buttons.button.click)
        keys_within(self, PREVIEW_KEYS, self.buttons.look.click)

    # --- what is shown -------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._rest.forget()
        self._stale = False
        project, choice = self.workspace.project, self.choice
        chosen = choice.segmenter
        self.segmenter.show_segmenters(catalog.segmenters(), chosen, project)
        if chosen is None:
            self.buttons.show_ready(0, NO_SEGMENTER, is_urgent=False)
            return
        own = [network.name for network in project.networks] if chosen.own else []
        network = choice.network
        self.segmenter.show_networks(own, network.name if network is not None else "")
        self.channels.show_channels(choice.wanted, channel_colors(project), choice.channels)
        self.grey.setText(f"⚠ {chosen.title} was made for colour images, and gets one channel only")
        self.grey.setVisible(chosen.color and len(set(choice.channels)) == 1)
        self._show_form(chosen)
        self._order_tabs()
        self.target.show_state(self._state(chosen))
        self._show_actions()

    @property
    def plan(self) -> _Plan:
        """What would be done now."""
        choice, project = self.choice, self.workspace.project
        chosen, where = choice.segmenter, self.target.images
        images = tuple(images_of(self.workspace, where, self._all_images()))
        target = Target(choice.kind, self.target.is_replacing)
        if not self._all_images():
            strangers = any(isinstance(x, ImageLayer) for x in self.workspace.viewer.layers)
            return _Plan(images, target, NOT_ADDED if strangers else NO_IMAGE)
        if chosen is None or self.segmenter.standing.trouble:
            return _Plan(images, target, self.segmenter.standing.trouble, is_urgent=False)
        if not images:
            return _Plan(images, target, NONE_CHOSEN[where])
        name = choice.kind.strip().casefold()
        if not chosen.classes and name in ("", IMAGE_KIND.casefold()):
            word = f"a name other than {IMAGE_KIND}" if name else "a name"
            return _Plan(images, target, f"Give the objects {word}, beside “Objects become”")
        try:
            check_request(project, choice.request())
        except PiximiError as error:
            return _Plan(images, target, str(error))
        return _Plan(images, target, "")

    def _show_form(self, chosen: catalog.Segmenter) -> None:
        if chosen.key not in self.forms:
            form = SettingsForm(self.choice.usual, key=f"segment/{chosen.key}/", unfolded=True)
            form.edited.connect(self._take_settings)
            self.forms[chosen.key] = form
            self._column.insertWidget(self._column.indexOf(self.target), form)
        for key, form in self.forms.items():
            form.setVisible(key == chosen.key)
        self.forms[chosen.key].show_settings(self.choice.settings, self.choice.usual)

    def _order_tabs(self) -> None:
        """Let Tab go from above to below, where forms or rows of channels are new."""
        made = len(self.forms), len(self.channels.boxes)
        if made != self._ordered:
            self._ordered = made
            tab_as_laid_out(self)

    def _show_actions(self) -> None:
        plan, current = self.plan, self.segmenting.current
        if current is not None:
            self.buttons.show_running(current)
        else:
            self.buttons.show_ready(len(plan.images), plan.trouble, is_urgent=plan.is_urgent)
        found = self.workspace.project.kinds.get(self.segmenting.found)
        self.buttons.show_found("" if found is None else found.name)
        self._show_preview()

    def _show_preview(self) -> None:
        self.buttons.show_preview(
            self.preview.text,
            failed=self.preview.failed,
            shown=self.preview.shown or self.preview.running,
            trouble=self._preview_trouble,
            quick=self._is_quick,
        )

    def _state(self, chosen: catalog.Segmenter) -> TargetState:
        workspace, project = self.workspace, self.workspace.project
        found = {where: images_of(workspace, where, self._all_images()) for where in Where}
        images = tuple(found[self.target.images])
        kinds = [kind.name for kind in project.kinds.values() if kind.id != IMAGE_KIND]
        stacks = has_stacks(project, images)
        plane = "The plane on show"
        if len(images) == 1 and images[0] == workspace.shown:
            plane += f" ({workspace.layers.plane + 1})"
        every = stacks and self.target.every_plane
        key = (project.things, project.kinds, images, chosen, self.choice.kind, every)
        if self._there[0] != key:
            there = count_there(project, images, chosen, self.choice.kind, every_plane=every)
            self._there = key, there
        counts = {where: len(ids) for where, ids in found.items()}
        return TargetState(
            counts, stacks, plane, kinds, self.choice.kind, chosen.classes, self._there[1]
        )

    def _all_images(self) -> list[Image]:
        project = self.workspace.project
        if self._images[0] is not project.things:
            found = map(project.things.__getitem__, places_of(project).images)
            self._images = project.things, [image for image in found if isinstance(image, Image)]
        return self._images[1]

    # --- finding -------------------------------------------------------------------------------

    def find_objects(self) -> None:
        """Find objects on the chosen images, when the user agrees to what that takes."""
        self._rest.forget()
        self.refresh()
        plan, workspace = self.plan, self.workspace
        if plan.trouble or self.segmenting.current is not None:
            return
        every = self.target.every_plane
        if not may_segment(workspace, self.choice, plan.images, self, every_plane=every):
            self.refresh()
            return
        self._forget_preview()
        workspace.layers.flush()  # what is being painted is part of what is there
        things = workspace.project.things
        images = [key for key in plan.images if key in things]
        self.segmenting.start(images, self.choice.request(every_plane=every), plan.target)

    # --- preview -------------------------------------------------------------------------------

    @property
    def _preview_trouble(self) -> str:
        """Why there can be no preview; empty where there can."""
        if self.choice.segmenter is None or self.segmenter.standing.trouble:
            return self.segmenter.standing.trouble or NO_SEGMENTER
        if self.workspace.shown is None:
            return NONE_SHOWN
        return RUNNING if self.segmenting.current is not None else ""

    @property
    def _is_quick(self) -> bool:
        chosen = self.choice.segmenter
        return chosen is not None and chosen.place == "window" and not chosen.remote

    @property
    def _is_live(self) -> bool:
        return self._is_quick and self.buttons.follow.isChecked()

    def toggle_preview(self) -> None:
        """Show a preview, or take it away."""
        shown = self.workspace.shown
        if self.preview.shown or self.preview.running:
            self._forget_preview()
        elif (
            not self._preview_trouble
            and shown is not None
            and may_segment(self.workspace, self.choice, (shown,), self, every_plane=False)
        ):
            self._following = True
            self._look()

    def _look(self) -> None:
        self._look_soon.forget()
        if self.isVisible() and not self._preview_trouble:
            self.preview.ask(self.choice.request())

    def _forget_preview(self) -> None:
        self._following = False
        self._look_soon.forget()
        self.preview.hide()

    def _follow_up(self, *, fresh: bool = False) -> None:
        """Let the preview follow a change: at once where it is quick, else by a press."""
        if self._is_live and (self._following or fresh):
            self._following = True
            self._look_soon.ask()
        elif self.preview.shown or self.preview.running:
            self.preview.hide(CHANGED)

    def _moved(self) -> None:
        self._follow_up()
        self._ask_soon()

    def _panned(self) -> None:
        """Let a live preview follow the view; one that took its time stays to be looked at."""
        if self._is_live and self._following:
            self._look_soon.ask()

    def _live(self, checked: bool) -> None:
        if checked and self.preview.shown:
            self._look_soon.ask()

    # --- what the user does --------------------------------------------------------------------

    def _take_settings(self, settings: Any) -> None:  # noqa: ANN401
        self.choice.set_settings(settings)
        if not self._preview_trouble:
            self._follow_up(fresh=True)

    def _train(self) -> None:
        self.panel.page("Train your own")

    # --- what has changed ------------------------------------------------------------------------

    def _choice_changed(self) -> None:
        self.panel.warm()
        self.refresh()
        self._follow_up()

    def _project_changed(self, before: Project, after: Project) -> None:
        if before.kinds is not after.kinds:
            self._follow_name(before, after)
        self._ask_soon()

    def _follow_name(self, before: Project, after: Project) -> None:
        """Let objects go on to become of the kind that they were to be of, whatever its name."""
        for key in kinds_named(before, [self.choice.kind]):
            kind = after.kinds.get(key)
            if kind is not None and kind.name != before.kinds[key].name:
                self.choice.set_kind(kind.name)

    def _opened(self) -> None:
        self._following = False
        self._ask_soon()

    def _shown_changed(self) -> None:
        self._panned()
        self._ask_soon()

    def _ask_soon(self, *_: object) -> None:
        self._stale = True
        if self.isVisible():
            self._rest.ask()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up with what went on out of sight."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Leave no preview behind."""
        super().hideEvent(event)
        self._forget_preview()
