"""The rules of the control plane: what is refused, what is stored, how a phase may change."""
