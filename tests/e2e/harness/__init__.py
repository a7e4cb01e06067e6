"""What stories talk with. It imports nothing of ours: what it sees is what a user would see."""
