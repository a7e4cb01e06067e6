"""What an execution does next. Pure: messages in; events, files and acts out.

``decide`` is the door, ``step`` collects what is decided, ``flow`` moves the graph, and ``nodes`` holds what
each kind of node does once it has begun. Writing it down is left to ``records``, doing it to ``acting`` and
``tasks``; of the latter it knows only what a task's template says by itself.
"""
