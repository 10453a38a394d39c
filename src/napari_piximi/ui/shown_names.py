"""Names as they are shown: they may be endless, hold line breaks, or look like markup."""

import re
from html import escape

__all__ = ["LONGEST_TROUBLE", "breakable", "one_line", "tip"]

UNBROKEN = 20
"""Characters without a space after which a line may break anyway."""
LONGEST_TIP = 400
LONGEST_SENTENCE = 300
LONGEST_TROUBLE = 120
"""Characters that say below a control what is wrong; its end says what, so it is to be seen."""

_UNBROKEN = re.compile(rf"(\S{{{UNBROKEN}}})(?=\S)")


def one_line(text: str, most: int = 60) -> str:
    """Return a text without line breaks, its middle left out where it is longer than `most`."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[len(text) - (most - head - 1) :]}"


def breakable(text: str, most: int = LONGEST_SENTENCE) -> str:
    """Return a text that a label can wrap at any width, so that no name makes a dock wider."""
    return _UNBROKEN.sub("\\1\u200b", one_line(text, most))


def tip(text: str) -> str:
    """Return a text for a tool tip, which Qt would show as HTML where a name looks like it."""
    text = text if len(text) <= LONGEST_TIP else one_line(text, LONGEST_TIP)
    if "<" not in text:
        return text
    return f"<span>{escape(text).replace(chr(10), '<br>')}</span>"
