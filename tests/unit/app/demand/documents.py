"""Random small documents over Item, valid but for what fragments make of them, and by hand."""

from typing import Final

from hypothesis import strategies as st

FRAGMENTS: Final = ("A", "B", "C")

_leaf = st.sampled_from(["sku", "a: sku", "name", "__typename", "b: unit @include(if: true)"])
_spread = st.sampled_from([f"...{name}" for name in FRAGMENTS])


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    within = st.lists(inner, min_size=1, max_size=3).map(" ".join)
    return st.one_of(
        within.map(lambda s: f"preferredSupplier {{ items {{ nodes {{ {s} }} }} }}"),
        within.map(lambda s: f"... {{ {s} }}"),
        within.map(lambda s: f"... on Item @skip(if: false) {{ {s} }}"),
    )


selections = st.recursive(st.one_of(_leaf, _spread), _nested, max_leaves=6)


@st.composite
def documents(draw: st.DrawFn, *, circles: bool = False) -> str:
    """A document whose fragments spread those after them; with circles any."""
    text = f"{{ items {{ nodes {{ {draw(selections)} {draw(selections)} }} }} }}"
    for number, name in enumerate(FRAGMENTS):
        body = draw(selections)
        if not circles:
            for later in FRAGMENTS[: number + 1]:
                body = body.replace(f"...{later}", "sku")
        text += f" fragment {name} on Item {{ {body} }}"
    return text
