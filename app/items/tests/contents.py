"""Contents of items as clients may send them."""

from __future__ import annotations

import hypothesis.strategies as st

from items.models import DESCRIPTION_LENGTH, NAME_LENGTH, Status

# Whatever JSON can carry; a lone surrogate is no text.
texts = st.text(st.characters(exclude_categories=["Cs"]))
contents = st.fixed_dictionaries(
    {"name": texts.filter(len).map(lambda text: text[:NAME_LENGTH])},
    optional={
        "description": texts.map(lambda text: text[:DESCRIPTION_LENGTH]),
        "status": st.sampled_from([status.value for status in Status]),
    },
)
