"""Names that are endless, of two lines or like markup are shown as what they are."""

from napari_piximi.ui.shown_names import breakable, one_line, tip


def test_the_middle_of_an_endless_name_is_left_out() -> None:
    assert one_line("cell 1") == "cell 1"
    assert one_line("two\nlines") == "two lines"
    shown = one_line("a" * 100 + "z", 21)
    assert (len(shown), shown[10], shown[-1]) == (21, "…", "z")


def test_a_line_may_break_within_a_name() -> None:
    assert breakable("a short name") == "a short name"
    words = breakable("x" * 50).split("\u200b")
    assert [len(word) for word in words] == [20, 20, 10]
    assert len(breakable("y" * 1000)) < 350


def test_markup_in_a_name_is_not_obeyed() -> None:
    assert tip("cells & more") == "cells & more"
    assert tip("cells < 5 µm") == "<span>cells &lt; 5 µm</span>"
    shown = tip("<b>bold</b>\nand more")
    assert shown.startswith("<span>")
    assert "&lt;b&gt;bold&lt;/b&gt;<br>and more" in shown
