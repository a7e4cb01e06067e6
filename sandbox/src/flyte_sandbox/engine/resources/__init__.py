"""What attempts may have of this machine, in the three modes of the settings.

``attributes`` finds the defaults and limits of an execution, ``claims`` makes of them and of the task's own
requests what an attempt claims, ``rationing`` does so for this machine, and ``slots`` lets attempts run while
there is room. Refusing malformed requests is the compiler's, watching what is really used the runner's.
"""
