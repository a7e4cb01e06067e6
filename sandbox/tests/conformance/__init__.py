"""What a client of Flyte may expect, asked through public clients only, so that any Flyte can be asked."""
