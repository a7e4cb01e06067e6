"""The Pima Indians diabetes table and a model that predicts the onset of diabetes from it."""
