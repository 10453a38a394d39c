"""Names that nothing has yet."""

from napari_piximi.model.free_names import free_name, numbered_name


def test_the_first_number_that_is_free() -> None:
    taken = {"net", "net 1", "net 2", "net 4"}
    assert numbered_name("net", lambda name: name not in taken) == "net 3"
    assert numbered_name("net", lambda name: name not in taken, 4) == "net 5"
    assert numbered_name("other", lambda name: name not in taken) == "other 1"


def test_a_name_that_is_free_gets_no_number() -> None:
    taken = {"cell", "cell 2"}
    assert free_name("nucleus", lambda name: name not in taken) == "nucleus"
    assert free_name("cell", lambda name: name not in taken) == "cell 3"
