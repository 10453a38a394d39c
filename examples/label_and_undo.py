"""Label things in a session, listen to its changes, and take a step back."""

from napari_piximi import Session, edits
from napari_piximi.io.samples import digits_project

session = Session(digits_project().project)
session.changed.connect(lambda before, after: print("  the project has changed"))

project = edits.create_category(session.project, "Image", "smudged")
session.apply(project, "Create category")

(smudged,) = (c.id for c in project.categories.values() if c.name == "smudged")
first_ten = list(project.things)[:10]
session.apply(edits.categorize(project, first_ten, smudged), "Categorize 10 images")
print("smudged:", sum(thing.category == smudged for thing in session.project.things.values()))

print("undone:", session.undo())
print("smudged:", sum(thing.category == smudged for thing in session.project.things.values()))
print("left to undo:", session.undo_label, "| to redo:", session.redo_label)
