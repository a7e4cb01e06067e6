"""Everything about stored bytes: where they lie, how they are named to whom, and who may fetch them."""
